# The units that install secrets at boot and in a switch.
{
  lib,
  config,
  ...
}:

let
  cfg = config.secretctl;

  early = lib.any (entry: entry.neededForUsers) cfg.wanted;

  # Perl creates users in an activation script, before any unit runs; see ./users.nix.
  usersByUnit = config.systemd.sysusers.enable || config.services.userborn.enable;

  # Units that create users: userborn has the other name as an alias.
  userUnits = [
    "systemd-sysusers.service"
    "userborn.service"
  ];

  # The top folder stays writable, since folders on the way to a link are made where they are missing.
  top = path: "/" + lib.head (lib.splitString "/" (lib.removePrefix "/" path));

  elsewhere = path: path != null && !lib.hasPrefix "/run/" path;

  linkFolders = lib.unique (
    map top (
      lib.filter elsewhere (
        map (entry: entry.path) cfg.wanted
        ++ lib.mapAttrsToList (_: entry: entry.path) cfg.templates
        ++ [ cfg.metrics ]
      )
    )
  );

  program = lib.getExe' cfg.package "secretctl-host";
  hardening = import ./hardening.nix { inherit lib; };

  once = {
    Type = "oneshot";
    RemainAfterExit = true;
  };

  activation = phase: {
    # Not `requires`: without a mount the activation itself fails, and its status says why.
    wants = [ "secretctl-mount.service" ];
    after = [ "secretctl-mount.service" ];
    wantedBy = [ "sysinit.target" ];
    path = cfg.plugins;
    unitConfig = {
      DefaultDependencies = false;
      RequiresMountsFor = lib.unique (cfg.identities ++ [ cfg.state ]);
    };
    serviceConfig =
      once
      // {
        ExecStart = "${program} activate --request ${cfg.request} --phase ${phase} --systemctl";
        TimeoutStartSec = "5min";
      }
      // hardening.activate {
        devices = cfg.plugins != [ ];
        # The mounting unit makes the folder of the state.
        writable = [
          "/run"
          cfg.state
        ]
        ++ map (folder: "-${folder}") linkFolders;
      };
  };
in
{
  config = lib.mkIf cfg.enable {
    # Mounting takes the machine's own mount namespace, which a sandbox would hide; so it is a unit of its own.
    systemd.services.secretctl-mount = {
      description = "Mount memory for secrets";
      after = [ "systemd-remount-fs.service" ];
      before = [
        "sysinit.target"
        "sysinit-reactivation.target"
      ];
      unitConfig = {
        DefaultDependencies = false;
        RequiresMountsFor = [ cfg.state ];
      };
      serviceConfig =
        once // { ExecStart = "${program} mount --request ${cfg.request}"; } // hardening.mount;
    };

    systemd.services.secretctl-users = lib.mkIf (early && usersByUnit) (
      lib.mkMerge [
        (activation "users")
        {
          description = "Install secrets that users are created with";
          # Not required: a failure would end the reactivation while the main unit still installs.
          wantedBy = [ "sysinit-reactivation.target" ];
          # Not after `local-fs.target`, before which users are created.
          after = [ "systemd-remount-fs.service" ];
          before = userUnits ++ [
            "secretctl.service"
            "sysinit.target"
            "sysinit-reactivation.target"
          ];
        }
      ]
    );

    systemd.services.secretctl = lib.mkMerge [
      (activation "main")
      {
        description = "Install secrets";
        requiredBy = [ "sysinit-reactivation.target" ];
        after = userUnits ++ [
          "local-fs.target"
          "secretctl-users.service"
        ];
        before = [
          "secretctl.target"
          "sysinit.target"
          "sysinit-reactivation.target"
        ];
      }
    ];

    systemd.targets.secretctl = {
      description = "Secrets are installed";
      wants = [ "secretctl.service" ];
      after = [ "secretctl.service" ];
      wantedBy = [ "sysinit.target" ];
      unitConfig.DefaultDependencies = false;
    };

    environment.etc."secretctl/request.json".source = cfg.request;
    environment.systemPackages = [ cfg.package ];
  };
}
