# What `scripts/bench nix` evaluates: hosts over the stand-in, up to the derivation of the whole system.
{
  # Made by the script: the fleet, the key of its admin, and the declarations.
  folder,
  # Who brings the secrets: "nobody", "secretctl", or "one" and "many", which are documents of sops-nix.
  kind,
  count,
  # A checkout of sops-nix.
  sopsNix ? null,
}:
let
  standIn = ../../tests/nix/stand-in;
  lib = import (standIn + "/lib");
  accounts = lib.genList toString 12;

  host =
    number:
    { lib, ... }:
    {
      networking.hostName = "h${toString number}";
      fileSystems."/" = {
        device = "/dev/sda";
        fsType = "ext4";
      };
      systemd.sysusers.enable = true;
      users.users = lib.listToAttrs (
        map (n: {
          name = "user${n}";
          value = {
            isSystemUser = true;
            group = "group${n}";
          };
        }) accounts
      );
      users.groups = lib.genAttrs (map (n: "group${n}") accounts) (_: { });
      systemd.services = lib.genAttrs (map (n: "app${n}") accounts) (_: {
        wantedBy = [ "multi-user.target" ];
        serviceConfig.ExecStart = "/bin/app";
      });
    };

  # Neither side's own program is part of what is compared.
  program = pkgs: name: pkgs.runCommand name { } "mkdir -p $out/bin";

  secretctl =
    { pkgs, ... }:
    {
      imports = [
        (import ../../nix/modules.nix).nixosModules.default
        (folder + "/secretctl.nix")
      ];
      secretctl = {
        enable = true;
        fleet = folder + "/fleet";
        trustedKeys = [ (lib.fileContents (folder + "/admin.pub")) ];
        identities = [ "/persist/host-key" ];
        package = program pkgs "secretctl-host";
        checkPackage = program pkgs "secretctl-host";
      };
    };

  sops =
    kind:
    { pkgs, ... }:
    {
      imports = [
        (sopsNix + "/modules/sops")
        (folder + "/sops-${kind}.nix")
      ];
      sops.age.sshKeyPaths = [ "/persist/host-key" ];
      sops.package = program pkgs "sops-install-secrets";
      sops.validationPackage = program pkgs "sops-install-secrets";
    };

  brought = {
    nobody = [ ];
    secretctl = [ secretctl ];
    one = [ (sops "one") ];
    many = [ (sops "many") ];
  };

  evaluate =
    number:
    (import (standIn + "/nixos") {
      inherit lib;
      system = "x86_64-linux";
      modules = [ (host number) ] ++ brought.${kind};
    }).config.system.build.toplevel.drvPath;
in
map evaluate (lib.genList (number: number + 1) count)
