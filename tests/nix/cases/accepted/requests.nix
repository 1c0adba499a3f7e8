# The whole request, without and with every option.
{ lib }:

let
  inherit (import ../shared.nix { inherit lib; }) alpha request scripts only;
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
}
