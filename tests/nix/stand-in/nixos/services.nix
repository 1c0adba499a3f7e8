# Services whose settings tell where keys lie and how users are made.
{ lib, config, ... }:
let
  inherit (lib) mkEnableOption mkOption types;
in
{
  options.services = {
    openssh = {
      enable = mkEnableOption "the OpenSSH daemon";
      hostKeys = mkOption {
        type = types.listOf types.attrs;
        default = [
          {
            type = "rsa";
            bits = 4096;
            path = "/etc/ssh/ssh_host_rsa_key";
          }
          {
            type = "ed25519";
            path = "/etc/ssh/ssh_host_ed25519_key";
          }
        ];
      };
    };
    userborn = {
      enable = mkEnableOption "userborn";
      passwordFilesLocation = mkOption {
        type = types.str;
        default = if config.system.etc.overlay.enable then "/var/lib/nixos" else "/etc";
      };
    };
    prometheus.exporters.node = {
      enable = mkEnableOption "the exporter of a machine's figures";
      extraFlags = mkOption {
        type = types.listOf types.str;
        default = [ ];
      };
    };
  };
  options.system.etc.overlay = {
    enable = mkEnableOption "/etc as an overlay";
    mutable = mkEnableOption "changes of /etc" // {
      default = true;
    };
  };

  config = lib.mkMerge [
    (lib.mkIf config.services.openssh.enable {
      systemd.services.sshd = {
        description = "SSH Daemon";
        wantedBy = [ "multi-user.target" ];
        after = [ "network.target" ];
        stopIfChanged = false;
        serviceConfig.ExecStart = "/run/current-system/sw/bin/sshd -D";
      };
      users.users.sshd = {
        isSystemUser = true;
        group = "sshd";
      };
      users.groups.sshd = { };
    })
    (lib.mkIf config.services.userborn.enable {
      systemd.services.userborn = {
        description = "Manage Users and Groups";
        wantedBy = [ "sysinit.target" ];
        requiredBy = [ "sysinit-reactivation.target" ];
        after = [ "systemd-remount-fs.service" ];
        before = [
          "sysinit.target"
          "sysinit-reactivation.target"
          "shutdown.target"
        ];
        conflicts = [ "shutdown.target" ];
        restartTriggers = [ (builtins.toJSON (lib.attrNames config.users.users)) ];
        # So that units need to be ordered after one name alone.
        aliases = [ "systemd-sysusers.service" ];
        unitConfig = {
          Description = "Manage Users and Groups";
          DefaultDependencies = false;
        };
        serviceConfig = {
          Type = "oneshot";
          RemainAfterExit = true;
          TimeoutSec = "90s";
          ExecStart = "/run/current-system/sw/bin/userborn /etc/userborn.json ${config.services.userborn.passwordFilesLocation}";
        };
      };
    })
  ];
}
