# Units of the user's manager, written as their files are.
{
  lib,
  config,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.systemd.user;
  kinds = [
    "service"
    "slice"
    "socket"
    "target"
    "timer"
    "path"
    "mount"
    "automount"
  ];

  atom = types.oneOf [
    types.bool
    types.int
    types.str
    types.path
  ];
  texts = mkOption {
    type = types.coercedTo types.str lib.toList (types.listOf types.str);
    default = [ ];
  };
  triggers = mkOption {
    type = types.listOf (types.either types.package types.str);
    default = [ ];
  };
  command = types.either types.package types.str;
  service = {
    Unit = {
      X-Reload-Triggers = triggers;
      X-Restart-Triggers = triggers;
      X-SwitchMethod = mkOption {
        type = types.enum [
          null
          "reload"
          "restart"
          "stop-start"
          "keep-old"
        ];
        default = null;
      };
    };
    Service = {
      Environment = texts;
      ExecStart = mkOption {
        type = types.either command (types.listOf command);
        default = [ ];
        apply = lib.toList;
      };
    };
  };
  unit =
    kind:
    types.submodule {
      freeformType = types.attrsOf (types.attrsOf (types.either atom (types.listOf atom)));
      imports = [
        {
          options.Unit = {
            Description = mkOption {
              type = types.nullOr types.str;
              default = null;
            };
            Documentation = texts;
          };
        }
      ]
      ++ lib.optional (kind == "service") { options = service; };
    };

  value = x: if lib.isBool x then lib.boolToString x else toString x;
  section =
    name: settings:
    "[${name}]\n"
    + lib.concatStrings (
      lib.concatLists (
        lib.mapAttrsToList (key: values: map (x: "${key}=${value x}\n") (lib.toList values)) settings
      )
    );
  text =
    sections:
    let
      full = lib.mapAttrs (_: lib.filterAttrs (_: x: x != null && x != [ ])) sections;
    in
    lib.concatStringsSep "\n" (lib.mapAttrsToList section (lib.filterAttrs (_: settings: settings != { }) full));

  install =
    kind: name: unit:
    let
      file = "${name}.${kind}";
      source = pkgs.writeText (lib.replaceStrings [ "@" ":" ] [ "-" "-" ] file) (text unit);
      link = folder: target: lib.nameValuePair "systemd/user/${target}.${folder}/${file}" { inherit source; };
    in
    [ (lib.nameValuePair "systemd/user/${file}" { inherit source; }) ]
    ++ map (link "wants") (unit.Install.WantedBy or [ ])
    ++ map (link "requires") (unit.Install.RequiredBy or [ ]);
  files = lib.concatMap (
    kind: lib.concatLists (lib.mapAttrsToList (install kind) cfg."${kind}s")
  ) kinds;
in
{
  options.systemd.user = {
    enable = mkOption {
      type = types.bool;
      default = pkgs.stdenv.hostPlatform.isLinux;
    };
    startServices = mkOption {
      type = types.either types.bool (types.enum [ "suggest" "sd-switch" ]);
      default = true;
    };
    systemctlPath = mkOption {
      type = types.str;
      default = "${pkgs.systemd}/bin/systemctl";
    };
    tmpfiles.rules = mkOption {
      type = types.listOf types.str;
      default = [ ];
    };
    # For those who look at what a unit's file says.
    texts = mkOption {
      type = types.attrsOf types.str;
      internal = true;
    };
  }
  // lib.genAttrs (map (kind: "${kind}s") kinds) (
    plural:
    mkOption {
      type = types.attrsOf (unit (lib.removeSuffix "s" plural));
      default = { };
    }
  );

  config = {
    xdg.configFile = lib.mkIf cfg.enable (lib.listToAttrs files);
    systemd.user.texts = lib.listToAttrs (
      lib.concatMap (
        kind: lib.mapAttrsToList (name: unit: lib.nameValuePair "${name}.${kind}" (text unit)) cfg."${kind}s"
      ) kinds
    );
    assertions = [
      {
        assertion = cfg.enable -> pkgs.stdenv.hostPlatform.isLinux;
        message = "Systemd is only available on Linux.";
      }
    ];
  };
}
