# What must evaluate, with what comes of it: by name, a configuration, and parts of its result.
{ lib }:

let
  alpha = module: { imports = [ ./alpha.nix module ]; };
  request = config: builtins.fromJSON (builtins.unsafeDiscardStringContext config.secretctl.uncheckedRequest.text);
  scripts = config: lib.filter (lib.hasPrefix "secretctl") (builtins.attrNames config.system.activationScripts);
  only = config: lib.head (request config).secrets;
in
{
  defaults = {
    module = alpha { secretctl.secrets."any/token" = { }; };
    gives = config: {
      secret = only config;
      inherit (request config)
        version
        host
        identities
        mount
        link
        state
        runtime
        keep_generations
        rollback
        danger_allow_swap
        metrics
        templates
        ;
      path = config.secretctl.secrets."any/token".path;
      placeholder = config.secretctl.placeholder."any/token";
      users = config.systemd.services ? secretctl-users;
      scripts = scripts config;
    };
    expected = {
      secret = {
        secret = "any/token";
        as = "any/token";
        service = "system";
        owner = "root";
        group = "root";
        mode = "0400";
        path = null;
        restart_units = [ ];
        reload_units = [ ];
        optional = false;
        install_once = false;
        phase = "main";
      };
      version = 1;
      host = "alpha";
      identities = [ "/etc/ssh/ssh_host_ed25519_key" ];
      mount = "/run/secretctl.d";
      link = "/run/secrets";
      state = "/var/lib/secretctl";
      runtime = "/run/secretctl";
      keep_generations = 1;
      rollback = "accept";
      danger_allow_swap = false;
      metrics = null;
      templates = [ ];
      path = "/run/secrets/any/token";
      placeholder = "<secret:any/token>";
      users = false;
      scripts = [ ];
    };
  };

  every-option = {
    module = alpha {
      secretctl = {
        host = "alpha";
        identities = [
          "/persist/new-key"
          "/persist/old-key"
        ];
        mount = "/run/m";
        link = "/run/l";
        state = "/persist/state";
        runtime = "/run/r";
        keepGenerations = 3;
        rollback = "refuse";
        dangerAllowSwap = true;
        metrics = "/var/lib/node/secretctl.prom";
        externalUnits = [ "foreign.service" ];
        secrets.copy = {
          secret = "app/key";
          service = "app";
          owner = "4242";
          group = "media";
          mode = "0440";
          path = "/var/lib/app/key";
          restartUnits = [
            "foreign.service"
            "page@a.service"
            "app.service"
            "app.service"
          ];
          reloadUnits = [ "worker.service" ];
          installOnce = true;
          optional = true;
        };
        templates."app.env" = {
          service = "app";
          content = "K=<secret:app/key>\n";
          format = "dotenv";
          mode = "0440";
          path = "/etc/app.env";
          restartUnits = [ "app.service" ];
          reloadUnits = [ "worker.service" ];
        };
      };
    };
    gives =
      config:
      builtins.removeAttrs (request config) [
        "sealed"
        "trusted_keys"
      ]
      // {
        writable = config.systemd.services.secretctl.serviceConfig.ReadWritePaths;
        mounts = config.systemd.services.secretctl.unitConfig.RequiresMountsFor;
      };
    expected = {
      version = 1;
      host = "alpha";
      identities = [
        "/persist/new-key"
        "/persist/old-key"
      ];
      mount = "/run/m";
      link = "/run/l";
      state = "/persist/state";
      runtime = "/run/r";
      keep_generations = 3;
      rollback = "refuse";
      danger_allow_swap = true;
      metrics = "/var/lib/node/secretctl.prom";
      secrets = [
        {
          secret = "app/key";
          as = "copy";
          service = "app";
          owner = "4242";
          group = "media";
          mode = "0440";
          path = "/var/lib/app/key";
          restart_units = [
            "app.service"
            "foreign.service"
            "page@a.service"
          ];
          reload_units = [ "worker.service" ];
          optional = true;
          install_once = true;
          phase = "main";
        }
      ];
      templates = [
        {
          name = "app.env";
          content = "K=<secret:app/key>\n";
          format = "dotenv";
          service = "app";
          owner = "app";
          group = "media";
          mode = "0440";
          path = "/etc/app.env";
          restart_units = [ "app.service" ];
          reload_units = [ "worker.service" ];
        }
      ];
      writable = [
        "/run"
        "/persist/state"
        "-/var"
        "-/etc"
      ];
      mounts = [
        "/persist/new-key"
        "/persist/old-key"
        "/persist/state"
      ];
    };
  };

  owner-and-group-of-the-unit = {
    module = alpha { secretctl.secrets."app/key".service = "app"; };
    gives = config: { inherit (only config) owner group; };
    expected = {
      owner = "app";
      group = "media";
    };
  };

  owner-of-the-template-of-an-instance = {
    module = alpha {
      systemd.services."page@".serviceConfig.User = "app";
      secretctl.secrets."any/token".service = "page@a";
    };
    gives = config: { inherit (only config) owner group; };
    expected = {
      owner = "app";
      group = "media";
    };
  };

  owner-that-is-the-instance = {
    module = alpha {
      systemd.services."page@".serviceConfig.User = "%i";
      secretctl.secrets."any/token".service = "page@app";
    };
    gives = config: (only config).owner;
    expected = "app";
  };

  owner-by-number = {
    module = alpha {
      systemd.services.app.serviceConfig.User = lib.mkForce 4242;
      secretctl.secrets."app/key".service = "app";
    };
    gives = config: { inherit (only config) owner group; };
    expected = {
      owner = "4242";
      group = "root";
    };
  };

  owner-with-a-name-of-its-own = {
    module = alpha {
      users.users.app.name = "application";
      systemd.services.app.serviceConfig.User = lib.mkForce "application";
      secretctl.secrets."app/key".service = "app";
    };
    gives = config: { inherit (only config) owner group; };
    expected = {
      owner = "application";
      group = "media";
    };
  };

  # systemd makes no dynamic user where there is one of the name.
  owner-of-a-dynamic-service-with-an-account = {
    module = alpha {
      systemd.services.dynamic.serviceConfig.User = "app";
      secretctl.secrets."dynamic/key".service = "dynamic";
    };
    gives = config: (only config).owner;
    expected = "app";
  };

  units-that-are-there-by-other-ways = {
    module = alpha {
      systemd.services.app.aliases = [ "application.service" ];
      systemd.services.worker.enable = false;
      # As NixOS has units whose text is of a package.
      systemd.services.packaged.wantedBy = [ "multi-user.target" ];
      secretctl.secrets."any/token" = {
        service = "packaged";
        restartUnits = [
          "application.service"
          "packaged.service"
          "worker.service"
        ];
      };
      secretctl.services.packaged.secrets.token.secret = "any/token";
    };
    gives = config: config.systemd.services.packaged.serviceConfig.LoadCredential;
    expected = [ "token:/run/secrets/credentials/packaged/token" ];
  };

  declarations-of-many-modules = {
    module.imports = [
      ./alpha.nix
      ./owner-app.nix
      ./mode-0440.nix
      ./duplicate.nix
      { secretctl.secrets."any/token".restartUnits = [ "worker.service" ]; }
    ];
    gives = config: { inherit (only config) owner mode restart_units; };
    expected = {
      owner = "app";
      mode = "0440";
      restart_units = [
        "app.service"
        "worker.service"
      ];
    };
  };

  one-secret-for-two-services = {
    module = alpha {
      secretctl.secrets.first = {
        secret = "app/env";
        service = "app";
      };
      secretctl.secrets.second = {
        secret = "app/env";
        service = "worker";
      };
    };
    gives = config: map (entry: "${entry.as} ${entry.owner}") (request config).secrets;
    expected = [
      "first app"
      "second root"
    ];
  };

  path-below-the-link-is-where-the-file-lands = {
    module = alpha { secretctl.secrets."any/token".path = "/run/secrets/another-name"; };
    gives = config: { inherit (only config) as path; };
    expected = {
      as = "another-name";
      path = null;
    };
  };

  credentials-of-a-service = {
    module = alpha { secretctl.services.dynamic.secrets.key = { }; };
    gives = config: {
      unit = {
        inherit (config.systemd.services.dynamic) wants after;
        inherit (config.systemd.services.dynamic.serviceConfig) LoadCredential DynamicUser;
        refresh = config.systemd.services.dynamic.serviceConfig ? RefreshOnReload;
      };
      secret = only config;
      inherit (config.secretctl.services.dynamic.secrets.key) path placeholder;
    };
    expected = {
      unit = {
        wants = [ "secretctl.target" ];
        after = [ "secretctl.target" ];
        LoadCredential = [ "key:/run/secrets/credentials/dynamic/key" ];
        DynamicUser = true;
        refresh = false;
      };
      secret = {
        secret = "dynamic/key";
        as = "credentials/dynamic/key";
        service = "dynamic";
        owner = "root";
        group = "root";
        mode = "0400";
        path = null;
        restart_units = [ "dynamic.service" ];
        reload_units = [ ];
        optional = false;
        install_once = false;
        phase = "main";
      };
      path = "/run/credentials/dynamic.service/key";
      placeholder = "<secret:dynamic/key>";
    };
  };

  credentials-of-an-instance = {
    module = alpha {
      systemd.services."page@".path = [ "/opt" ];
      secretctl.services."page@a".secrets.key.secret = "any/token";
    };
    gives = config: {
      inherit (only config) as restart_units;
      inherit (config.systemd.units."page@a.service") overrideStrategy;
      # The template's own search path stays.
      path = lib.hasInfix "PATH=" config.systemd.units."page@a.service".text;
      load = config.systemd.services."page@a".serviceConfig.LoadCredential;
      place = config.secretctl.services."page@a".secrets.key.path;
    };
    expected = {
      as = "credentials/page_at_a/key";
      restart_units = [ "page@a.service" ];
      overrideStrategy = "asDropin";
      path = false;
      load = [ "key:/run/secrets/credentials/page_at_a/key" ];
      place = "/run/credentials/page@a.service/key";
    };
  };

  credentials-of-every-instance = {
    module = alpha {
      secretctl.services."page@" = {
        onChange = "nothing";
        secrets.key.secret = "any/token";
      };
    };
    gives = config: {
      inherit (only config) restart_units;
      inherit (config.systemd.units."page@.service") overrideStrategy;
      place = config.secretctl.services."page@".secrets.key.path;
    };
    expected = {
      restart_units = [ ];
      overrideStrategy = "asDropinIfExists";
      place = "/run/credentials/page@%i.service/key";
    };
  };

  credential-beside-those-of-the-unit = {
    module = alpha {
      systemd.services.app.serviceConfig.LoadCredential = "own:/etc/own";
      secretctl.services.app.secrets.key = { };
    };
    gives = config: lib.sort (a: b: a < b) config.systemd.services.app.serviceConfig.LoadCredential;
    expected = [
      "key:/run/secrets/credentials/app/key"
      "own:/etc/own"
    ];
  };

  credential-of-a-secret-that-cannot-be-refreshed = {
    module = alpha ({ pkgs, ... }: {
      systemd.package = pkgs.systemd // { version = "257.9"; };
      secretctl.secrets."app/key" = {
        service = "app";
        deliver = "credential";
        reloadUnits = [
          "app.service"
          "worker.service"
        ];
      };
    });
    gives = config: { inherit (only config) restart_units reload_units; };
    expected = {
      restart_units = [ "app.service" ];
      reload_units = [ "worker.service" ];
    };
  };

  credential-whose-change-reloads-another-unit = {
    module = alpha ({ pkgs, ... }: {
      systemd.package = pkgs.systemd // { version = "260"; };
      secretctl.secrets."app/key" = {
        service = "app";
        deliver = "credential";
        reloadUnits = [ "worker.service" ];
      };
    });
    gives = config: {
      inherit (only config) restart_units;
      refresh = config.systemd.services.app.serviceConfig ? RefreshOnReload;
    };
    expected = {
      restart_units = [ "app.service" ];
      refresh = false;
    };
  };

  credential-that-is-refreshed = {
    module = alpha ({ pkgs, ... }: {
      systemd.package = pkgs.systemd // { version = "260"; };
      secretctl.services.app = {
        onChange = "reload";
        secrets.key = { };
      };
    });
    gives = config: {
      inherit (only config) restart_units reload_units;
      refresh = config.systemd.services.app.serviceConfig.RefreshOnReload;
    };
    expected = {
      restart_units = [ ];
      reload_units = [ "app.service" ];
      refresh = "credentials";
    };
  };

  credential-that-cannot-be-refreshed = {
    module = alpha ({ pkgs, ... }: {
      systemd.package = pkgs.systemd // { version = "257.9"; };
      secretctl.services.app = {
        onChange = "reload";
        secrets.key = { };
      };
    });
    gives = config: {
      inherit (only config) restart_units reload_units;
      refresh = config.systemd.services.app.serviceConfig ? RefreshOnReload;
    };
    expected = {
      restart_units = [ "app.service" ];
      reload_units = [ ];
      refresh = false;
    };
  };

  credential-of-a-secret = {
    module = alpha {
      secretctl.secrets."app/key" = {
        service = "app";
        deliver = "credential";
        credential = "k";
        restartUnits = [ "worker.service" ];
      };
    };
    gives = config: {
      inherit (config.systemd.services.app.serviceConfig) LoadCredential;
      inherit (only config) restart_units;
      path = config.secretctl.secrets."app/key".credentialPath;
    };
    expected = {
      LoadCredential = [ "k:/run/secrets/app/key" ];
      restart_units = [
        "app.service"
        "worker.service"
      ];
      path = "/run/credentials/app.service/k";
    };
  };

  # `ProtectHome` would win over `ReadWritePaths` for the same folder.
  links-in-homes-can-be-made = {
    module = alpha { secretctl.secrets."any/token".path = "/home/app/.token"; };
    gives = config: {
      protected = config.systemd.services.secretctl.serviceConfig ? ProtectHome;
      inherit (config.systemd.services.secretctl.serviceConfig) ProtectSystem ReadWritePaths;
    };
    expected = {
      protected = false;
      ProtectSystem = "strict";
      ReadWritePaths = [
        "/run"
        "/var/lib/secretctl"
        "-/home"
      ];
    };
  };

  optional-and-not-granted = {
    module = alpha {
      secretctl.secrets.silent.optional = true;
      secretctl.services.app.secrets.none = {
        secret = "silent";
        optional = true;
      };
      secretctl.templates.x.content = "<secret-if:silent><secret:silent><secret-end>";
    };
    gives = config: {
      inherit (request config) secrets;
      credentials = config.systemd.services.app.serviceConfig ? LoadCredential;
    };
    expected = {
      secrets = [ ];
      credentials = false;
    };
  };

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
