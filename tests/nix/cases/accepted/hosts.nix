# Passes, keys and states of hosts.
{ lib }:

let
  inherit (import ../shared.nix { inherit lib; }) alpha request scripts only;
in
{
  early-pass-where-a-unit-creates-users = {
    module = alpha {
      services.userborn.enable = true;
      secretctl.secrets."system/hash".neededForUsers = true;
    };
    gives = config: {
      inherit (only config) phase;
      inherit (config.systemd.services.secretctl-users) before;
      scripts = scripts config;
    };
    expected = {
      phase = "users";
      before = [
        "systemd-sysusers.service"
        "userborn.service"
        "secretctl.service"
        "sysinit.target"
        "sysinit-reactivation.target"
      ];
      scripts = [ ];
    };
  };

  # An empty folder of the search path is the one that the switch is called from.
  early-pass-without-plugins-keeps-the-search-path = {
    module = alpha { secretctl.secrets."system/hash".neededForUsers = true; };
    gives = config: lib.hasInfix "PATH=" config.system.activationScripts.secretctlUsers.text;
    expected = false;
  };

  early-pass-where-perl-creates-users = {
    module = alpha { secretctl.secrets."system/hash".neededForUsers = true; };
    gives = config: {
      users = config.systemd.services ? secretctl-users;
      inherit (config.system.activationScripts.secretctlUsers) deps supportsDryActivation;
      creation = config.system.activationScripts.users.deps;
    };
    expected = {
      users = false;
      deps = [ "specialfs" ];
      supportsDryActivation = true;
      creation = [ "secretctlUsers" ];
    };
  };

  keys-that-a-reboot-leaves = {
    module = alpha {
      fileSystems."/" = {
        device = "none";
        fsType = lib.mkForce "tmpfs";
      };
      fileSystems."/persist" = {
        device = "/dev/sdb";
        fsType = "zfs";
      };
      services.openssh = {
        enable = true;
        hostKeys = [
          {
            type = "ed25519";
            path = "/etc/ssh/ssh_host_ed25519_key";
          }
          {
            type = "ed25519";
            path = "/persist/etc/ssh/ssh_host_ed25519_key";
          }
          {
            type = "ecdsa";
            path = "/persist/etc/ssh/ssh_host_ecdsa_key";
          }
        ];
      };
      secretctl.secrets."any/token" = { };
    };
    gives = config: {
      inherit (request config) identities;
      warned = map (lib.hasInfix "secretctl.state: `/var/lib/secretctl` lies on `/`") config.warnings;
    };
    expected = {
      identities = [ "/persist/etc/ssh/ssh_host_ed25519_key" ];
      warned = [ true ];
    };
  };

  mounts-that-are-switched-off = {
    module = alpha {
      fileSystems."/etc/ssh" = {
        enable = false;
        device = "none";
        fsType = "tmpfs";
      };
      secretctl.secrets."system/hash".neededForUsers = true;
    };
    gives = config: config.secretctl.identities;
    expected = [ "/etc/ssh/ssh_host_ed25519_key" ];
  };

  pending-host-with-placeholders = {
    module = alpha ({ config, ... }: {
      secretctl.host = "beta";
      secretctl.templates.x.content = config.secretctl.placeholder."prod/db";
    });
    gives = config: config.secretctl.templates.x.content;
    expected = "<secret:prod/db>";
  };

  pending-host = {
    module = alpha {
      secretctl.host = "beta";
      secretctl.secrets."any/token" = { };
      secretctl.services.app.secrets.key = { };
    };
    gives = config: {
      inherit (request config) sealed secrets;
      warned = map (lib.hasInfix "host `beta` is pending") config.warnings;
      credentials = config.systemd.services.app.serviceConfig ? LoadCredential;
    };
    expected = {
      sealed = null;
      secrets = [ ];
      warned = [ true ];
      credentials = false;
    };
  };

  nothing-declared = {
    module = alpha { };
    gives = config: {
      inherit (request config) secrets templates;
      runs = config.systemd.services ? secretctl;
      plan = scripts config;
    };
    expected = {
      secrets = [ ];
      templates = [ ];
      runs = true;
      plan = [ ];
    };
  };

  not-enabled = {
    module = alpha {
      secretctl.enable = lib.mkForce false;
      secretctl.secrets."any/token" = { };
    };
    gives = config: {
      services = builtins.attrNames config.systemd.services;
      path = config.secretctl.secrets."any/token".path;
    };
    expected = {
      services = [
        "app"
        "dynamic"
        "page@"
        "worker"
      ];
      path = "/run/secrets/any/token";
    };
  };

  plan-on-dry-activate = {
    module = alpha { secretctl.planOnDryActivate = true; };
    gives = config: config.system.activationScripts.secretctlPlan.supportsDryActivation;
    expected = true;
  };
}
