# Secrets of one user, with home-manager: the user's own identity, memory, and units.
{
  lib,
  config,
  pkgs,
  ...
}:

let
  cfg = config.secretctl;
  darwin = pkgs.stdenv.hostPlatform.isDarwin;
  home = config.home.homeDirectory;

  defaults = config: {
    # A home is a host of its own in the fleet, and which one, nobody can tell from here.
    host = { };
    identities = {
      default = [ "${config.home.homeDirectory}/.ssh/id_ed25519" ];
      defaultText = lib.literalExpression ''[ "''${config.home.homeDirectory}/.ssh/id_ed25519" ]'';
    };
    mount = {
      default = if darwin then "${home}/Library/Caches/secretctl.d" else "%t/secretctl.d";
      defaultText = lib.literalMD "`secretctl.d` in the user's runtime folder; on macOS in `~/Library/Caches`";
    };
    link = {
      default = "${config.xdg.dataHome}/secretctl";
      defaultText = lib.literalExpression ''"''${config.xdg.dataHome}/secretctl"'';
    };
    state = {
      default = "${config.xdg.stateHome}/secretctl";
      defaultText = lib.literalExpression ''"''${config.xdg.stateHome}/secretctl"'';
    };
    runtime = {
      default = if darwin then "${home}/Library/Caches/secretctl" else "%t/secretctl";
      defaultText = lib.literalMD "`secretctl` in the user's runtime folder; on macOS in `~/Library/Caches`";
    };
  };

  units = import ../../lib/units.nix { inherit lib; };

  # Older versions of home-manager have fewer kinds.
  declared = lib.concatLists (
    map
      (kind: map (name: "${name}.${kind}") (builtins.attrNames (config.systemd.user."${kind}s" or { })))
      [
        "service"
        "socket"
        "timer"
        "path"
        "target"
        "slice"
        "mount"
        "automount"
      ]
  );
  existing = if darwin then labels else declared;

  labels = lib.mapAttrsToList (_: agent: agent.config.Label) config.launchd.agents;

  program = lib.getExe' cfg.package "secretctl-host";
  # With the folders in which NixOS and others have systemctl.
  path = "${lib.makeBinPath cfg.plugins}:/run/current-system/sw/bin:/usr/bin:/bin";
in
{
  imports = [
    (import ../common/options.nix {
      inherit defaults;
      manager = "either";
      specifiers = true;
    })
  ];

  config = lib.mkMerge [
    {
      secretctl.platform = {
        name = "home-manager";
        deliveries = "Only `file` is there for homes.";
        credentials = false;
        refreshesCredentials = false;
        early = false;
        ownFiles = true;
        users = null;
        groups = null;
        account = _: {
          user = "self";
          group = "self";
          dynamic = false;
        };
        unitOfUsers = _: false;
        unitExists =
          unit:
          lib.any (name: builtins.elem name (cfg.externalUnits ++ existing)) [
            unit
            (units.template unit)
          ];
        fileSystems = { };
        volatilePaths = [ ];
        request = lib.optionalAttrs darwin { manager = "launchd"; };
      };
    }

    (lib.mkIf (cfg.enable && !darwin) {
      systemd.user.services.secretctl = {
        Unit = {
          Description = "Install secrets";
          # Everything in the user's manager starts after this target.
          DefaultDependencies = false;
          Before = [ "basic.target" ];
        };
        Service = {
          Type = "oneshot";
          RemainAfterExit = true;
          ExecStart = "${program} activate --request ${cfg.request} --systemctl=user";
          UMask = "0077";
          LimitCORE = 0;
          NoNewPrivileges = true;
        }
        // lib.optionalAttrs (cfg.plugins != [ ]) { Environment = [ "PATH=${path}" ]; };
        Install.WantedBy = [ "basic.target" ];
      };
    })

    (lib.mkIf (cfg.enable && darwin) {
      launchd.agents.secretctl = {
        enable = true;
        config = {
          ProgramArguments = [
            program
            "activate"
            "--request"
            "${cfg.request}"
            "--launchctl=user"
          ];
          RunAtLoad = true;
          ProcessType = "Interactive";
          StandardErrorPath = "${home}/Library/Logs/secretctl.log";
        };
      };
    })
  ];
}
