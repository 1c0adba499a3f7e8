# Secrets on macOS, with nix-darwin: a RAM disk in place of tmpfs, launchd in place of systemd.
{
  lib,
  config,
  ...
}:

let
  cfg = config.secretctl;

  defaults = config: {
    host = {
      default = config.networking.hostName;
      defaultText = lib.literalExpression "config.networking.hostName";
    };
    identities = {
      default = [ "/etc/ssh/ssh_host_ed25519_key" ];
    };
    mount.default = "/private/var/run/secretctl.d";
    link.default = "/run/secrets";
    state.default = "/private/var/db/secretctl";
    runtime.default = "/private/var/run/secretctl";
  };

  labels = lib.mapAttrsToList (_: daemon: daemon.serviceConfig.Label) config.launchd.daemons;
  names = entries: builtins.attrNames entries;
in
{
  imports = [
    (import ../common/options.nix {
      inherit defaults;
      manager = "launchd";
    })
  ];

  config = lib.mkMerge [
    {
      secretctl.platform = {
        name = "nix-darwin";
        deliveries = "Only `file` is there on macOS.";
        credentials = false;
        refreshesCredentials = false;
        early = false;
        ownFiles = false;
        # Most accounts of macOS are not declared, so an unknown name is left to the activation.
        users = null;
        groups = null;
        account = _: {
          user = "root";
          group = "wheel";
          dynamic = false;
        };
        unitOfUsers = _: false;
        unitExists = label: builtins.elem label (cfg.externalUnits ++ labels);
        fileSystems = { };
        volatilePaths = [ ];
        request.manager = "launchd";
      };
    }

    (lib.mkIf cfg.enable {
      # launchd runs it at boot, and nix-darwin loads it anew when the request in it changed.
      launchd.daemons.secretctl.serviceConfig = {
        ProgramArguments = [
          (lib.getExe' cfg.package "secretctl-host")
          "activate"
          "--request"
          "${cfg.request}"
          "--launchctl"
        ];
        RunAtLoad = true;
        ProcessType = "Interactive";
        StandardErrorPath = "/var/log/secretctl.log";
      };

      environment.systemPackages = [ cfg.package ];
      environment.etc."secretctl/request.json".source = cfg.request;
    })
  ];
}
