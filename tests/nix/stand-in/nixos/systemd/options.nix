# The options of units, by kind.
{
  lib,
  pkgs,
  utils,
}:
let
  inherit (lib) mkOption types;
  unitName = types.strMatching "[a-zA-Z0-9@%:_.\\-]+[.](service|socket|device|mount|automount|swap|target|path|timer|scope|slice)";
  setting = import ./setting.nix { inherit lib; };

  names = mkOption {
    type = types.listOf unitName;
    default = [ ];
  };
  flag =
    default:
    mkOption {
      type = types.bool;
      inherit default;
    };
  commands = mkOption {
    type = types.lines;
    default = "";
  };
  settings = mkOption {
    type = types.attrsOf setting;
    default = { };
  };

  installed = {
    enable = flag true;
    overrideStrategy = mkOption {
      type = types.enum [
        "asDropinIfExists"
        "asDropin"
      ];
      default = "asDropinIfExists";
    };
    requiredBy = names;
    upheldBy = names;
    wantedBy = names;
    aliases = names;
    name = mkOption { type = types.str; };
  };

  relations = [
    "requires"
    "wants"
    "upholds"
    "after"
    "before"
    "bindsTo"
    "partOf"
    "conflicts"
    "requisite"
    "onFailure"
    "onSuccess"
  ];
  # As systemd writes them.
  key = name: lib.toUpper (lib.substring 0 1 name) + lib.substring 1 (-1) name;

  common =
    kind: place:
    { name, config, options, ... }:
    let
      related = lib.filterAttrs (_: units: units != [ ]) (lib.genAttrs relations (name: config.${name}));
      triggers =
        what:
        "${pkgs.writeText "X-${what}-Triggers-${name}" (
          toString (map (x: if lib.isPath x then "${x}" else x) (lib.flatten config."${lib.toLower what}Triggers"))
        )}";
    in
    {
      options =
        installed
        // lib.genAttrs relations (_: names)
        // {
          description = mkOption {
            type = types.singleLineStr;
            default = "";
          };
          documentation = mkOption {
            type = types.listOf types.str;
            default = [ ];
          };
          unitConfig = settings;
          startLimitBurst = mkOption { type = types.int; };
          startLimitIntervalSec = mkOption { type = types.int; };
          restartTriggers = mkOption {
            type = types.listOf types.unspecified;
            default = [ ];
          };
          reloadTriggers = mkOption {
            type = types.listOf setting;
            default = [ ];
          };
        };
      config = {
        name = if place == null then "${name}.${kind}" else "${utils.escapeSystemdPath config.where}.${kind}";
        unitConfig =
          lib.mapAttrs' (name: units: lib.nameValuePair (key name) (toString units)) related
          // lib.optionalAttrs (config.restartTriggers != [ ]) { X-Restart-Triggers = triggers "Restart"; }
          // lib.optionalAttrs (config.reloadTriggers != [ ]) { X-Reload-Triggers = triggers "Reload"; }
          // lib.optionalAttrs (config.description != "") { Description = config.description; }
          // lib.optionalAttrs (config.documentation != [ ]) { Documentation = toString config.documentation; }
          // lib.optionalAttrs options.startLimitIntervalSec.isDefined {
            StartLimitIntervalSec = toString config.startLimitIntervalSec;
          }
          // lib.optionalAttrs options.startLimitBurst.isDefined {
            StartLimitBurst = toString config.startLimitBurst;
          };
      };
    };

  script =
    service: config: option: setting: suffix: asList:
    let
      file = pkgs.writeShellScriptBin "${service}-${suffix}" "set -e\n\n${config.${option}}";
      command = lib.getExe file + lib.optionalString (option == "script") " ${config.scriptArgs}";
    in
    lib.mkIf (config.${option} != "") {
      serviceConfig.${setting} = if asList then [ command ] else command;
    };

  service =
    systemd:
    { name, config, ... }:
    {
      options = {
        environment = mkOption {
          type = types.attrsOf (
            types.nullOr (
              types.oneOf [
                types.str
                types.path
                types.package
              ]
            )
          );
          default = { };
        };
        path = mkOption {
          type = types.listOf (types.either types.package types.str);
          default = [ ];
        };
        serviceConfig = settings;
        script = commands;
        scriptArgs = mkOption {
          type = types.str;
          default = "";
        };
        preStart = commands;
        postStart = commands;
        reload = commands;
        preStop = commands;
        postStop = commands;
        restartIfChanged = flag true;
        reloadIfChanged = flag false;
        stopIfChanged = flag true;
        notSocketActivated = flag false;
        startAt = mkOption {
          type = types.either types.str (types.listOf types.str);
          default = [ ];
          apply = lib.toList;
        };
      };
      config = lib.mkMerge [
        {
          path = lib.mkAfter [
            pkgs.coreutils
            pkgs.findutils
            pkgs.gnugrep
            pkgs.gnused
            systemd.package
          ];
          environment.PATH = lib.mkIf (
            config.path != [ ]
          ) "${lib.makeBinPath config.path}:${lib.makeSearchPathOutput "bin" "sbin" config.path}";
        }
        (script name config "preStart" "ExecStartPre" "pre-start" true)
        (script name config "script" "ExecStart" "start" false)
        (script name config "postStart" "ExecStartPost" "post-start" true)
        (script name config "reload" "ExecReload" "reload" false)
        (script name config "preStop" "ExecStop" "pre-stop" false)
        (script name config "postStop" "ExecStopPost" "post-stop" false)
      ];
    };

  streams = mkOption {
    type = types.listOf types.str;
    default = [ ];
  };
  place = {
    where = mkOption { type = types.str; };
  };
  mount =
    { config, ... }:
    {
      options = place // {
        what = mkOption { type = types.str; };
        type = mkOption {
          type = types.str;
          default = "";
        };
        options = mkOption {
          type = types.commas;
          default = "";
        };
        mountConfig = settings;
      };
      config.mountConfig =
        {
          What = config.what;
          Where = config.where;
        }
        // lib.optionalAttrs (config.type != "") { Type = config.type; }
        // lib.optionalAttrs (config.options != "") { Options = config.options; };
    };
  automount =
    { config, ... }:
    {
      options = place // { automountConfig = settings; };
      config.automountConfig.Where = config.where;
    };

  kinds = systemd: {
    service = [ (service systemd) ];
    target = [ ];
    socket = [
      {
        options = {
          listenStreams = streams;
          listenDatagrams = streams;
          socketConfig = settings;
        };
      }
    ];
    timer = [ { options.timerConfig = settings; } ];
    path = [ { options.pathConfig = settings; } ];
    slice = [ { options.sliceConfig = settings; } ];
    mount = [ mount ];
    automount = [ automount ];
  };
in
{
  unit = kind: systemd: {
    imports = [
      (common kind (if kind == "mount" || kind == "automount" then "where" else null))
    ]
    ++ (kinds systemd).${kind};
  };

  concrete =
    build:
    { name, config, ... }:
    {
      options = installed // {
        text = mkOption {
          type = types.nullOr types.str;
          default = null;
        };
        unit = mkOption { internal = true; };
      };
      config = {
        name = lib.mkDefault name;
        unit = lib.mkDefault (build name config);
      };
    };
}
