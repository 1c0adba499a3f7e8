# Secrets for the creation of users.
{ lib, config, ... }:

let
  cfg = config.secretctl;
  early = lib.filter (entry: entry.neededForUsers) cfg.wanted;
  usersByUnit = config.systemd.sysusers.enable || config.services.userborn.enable;
  byScript = cfg.enable && early != [ ] && !usersByUnit;

  program = lib.getExe' cfg.package "secretctl-host";
  # An empty folder in the search path would be the one that the switch was called from.
  plugins = lib.optionalString (cfg.plugins != [ ]) "PATH=${lib.makeBinPath cfg.plugins}:$PATH ";
  plan = "${program} plan --request ${cfg.request}";

  fileSystem = import ../../lib/file-system.nix { inherit lib config; };

  # What NixOS mounts before stage 2 whether it is asked to or not.
  always = [
    "/"
    "/nix"
    "/nix/store"
    "/var"
    "/var/log"
    "/var/lib"
    "/var/lib/nixos"
    "/etc"
    "/usr"
  ];

  late =
    path:
    let
      entry = fileSystem path;
    in
    entry != null && !entry.neededForBoot && !builtins.elem entry.mountPoint always;
in
{
  config = lib.mkMerge [
    (lib.mkIf cfg.enable {
      assertions = map (path: {
        assertion = false;
        message = ''
          secretctl.secrets."${(lib.head early).as}".neededForUsers: `${path}` lies on `${(fileSystem path).mountPoint}`, which is mounted only after users are created.
          Set `fileSystems."${(fileSystem path).mountPoint}".neededForBoot = true`.'';
      }) (lib.optionals (early != [ ]) (lib.filter late (cfg.identities ++ [ cfg.state ])));
    })

    # No unit can serve here: the script that creates users runs before all of them at boot.
    (lib.mkIf byScript {
      system.activationScripts.secretctlUsers = {
        deps = [ "specialfs" ];
        supportsDryActivation = true;
        text = ''
          if [ "$NIXOS_ACTION" = dry-activate ]; then
            ${plan} --phase users || true
          else
            ${plugins}${program} activate --request ${cfg.request} --phase users
          fi
        '';
      };
      system.activationScripts.users.deps = [ "secretctlUsers" ];
    })

    (lib.mkIf (cfg.enable && cfg.planOnDryActivate) {
      system.activationScripts.secretctlPlan = {
        supportsDryActivation = true;
        text = ''
          if [ "$NIXOS_ACTION" = dry-activate ]; then
            ${plan} || true
          fi
        '';
      };
    })
  ];
}
