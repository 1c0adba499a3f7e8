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

  # Folders above `path` that nothing of the system lies beside.
  top = path: "/" + lib.head (lib.splitString "/" (lib.removePrefix "/" path));

  linkFolders = lib.unique (
    map (path: top path) (
      lib.filter (path: path != null) (
        map (entry: entry.path) cfg.wanted ++ lib.mapAttrsToList (_: entry: entry.path) cfg.templates
      )
      ++ lib.optional (cfg.metrics != null) cfg.metrics
    )
  );

  program = lib.getExe' cfg.package "secretctl-host";
  command = phase: "${program} activate --request ${cfg.request} --phase ${phase} --systemctl";

  unit = phase: {
    unitConfig = {
      DefaultDependencies = false;
      RequiresMountsFor = lib.unique (cfg.identities ++ [ cfg.state ]);
    };
    path = [ config.systemd.package ] ++ cfg.plugins;
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      # Mounting needs the machine's own mount namespace, and is all that gets it.
      ExecStartPre = "+${program} mount --request ${cfg.request}";
      ExecStart = command phase;
      TimeoutStartSec = "5min";
    }
    // import ./hardening.nix {
      inherit lib;
      devices = cfg.plugins != [ ];
      writable = lib.unique (
        [
          "/run"
          cfg.state
        ]
        ++ map (folder: "-${folder}") linkFolders
      );
    };
  };
in
{
  config = lib.mkIf cfg.enable {
    systemd.services.secretctl-users = lib.mkIf (early && usersByUnit) (
      lib.mkMerge [
        (unit "users")
        {
          description = "Install secrets that users are created with";
          # Not after `local-fs.target`: users are created before it.
          after = [ "systemd-remount-fs.service" ];
          before =
            userUnits
            ++ [
              "secretctl.service"
              "sysinit.target"
              "sysinit-reactivation.target"
            ];
          wantedBy = [ "sysinit.target" ];
          requiredBy = [ "sysinit-reactivation.target" ];
        }
      ]
    );

    systemd.services.secretctl = lib.mkMerge [
      (unit "main")
      {
        description = "Install secrets";
        after = userUnits ++ [
          "local-fs.target"
          "secretctl-users.service"
        ];
        before = [
          "secretctl.target"
          "sysinit.target"
          "sysinit-reactivation.target"
        ];
        wantedBy = [ "sysinit.target" ];
        requiredBy = [ "sysinit-reactivation.target" ];
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
