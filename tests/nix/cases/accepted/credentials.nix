# Credentials, and how units get new ones.
{ lib }:

let
  inherit (import ../shared.nix { inherit lib; }) alpha only;
in
{
  the-shortest-form-finds-what-is-granted-below-the-host = {
    module = alpha { secretctl.services.app.secrets.own = { }; };
    gives = config: { inherit (only config) secret as service; };
    expected = {
      secret = "alpha/app/own";
      as = "credentials/app/own";
      service = "app";
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
}
