# Owners, units, places and declarations that meet.
{ lib }:

let
  inherit (import ../shared.nix { inherit lib; }) alpha request only;
in
{
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
      secretctl.externalUnits = [ "foreign@.service" ];
      # As NixOS has units whose text is of a package.
      systemd.services.packaged.wantedBy = [ "multi-user.target" ];
      secretctl.secrets."any/token" = {
        service = "packaged";
        restartUnits = [
          "application.service"
          "foreign@a.service"
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
      ../alpha.nix
      ../owner-app.nix
      ../mode-0440.nix
      ../duplicate.nix
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
}
