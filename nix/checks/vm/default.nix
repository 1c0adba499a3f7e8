# Tests in real NixOS machines, for those who have KVM and nixpkgs. Not run where this project is built: `scripts/test` boots the
# same units in containers instead.
{
  self,
  pkgs,
}:

let
  inherit (pkgs) lib;
  settings = builtins.fromTOML (builtins.readFile ../../../secretctl.toml);

  # A host of the demo fleet, whose private key is published on purpose.
  machine =
    users:
    { ... }:
    {
      imports = [
        self.nixosModules.default
        users
      ];
      secretctl = {
        enable = true;
        fleet = ../../..;
        host = "shosoin-tan";
        trustedKeys = settings.admins.aki.signing-keys;
        identities = [ "/var/lib/host-key" ];
        secrets."shosoin-tan/system/operator-password-hash".neededForUsers = true;
        services.minecraft-server-velocity.secrets.forwarding.secret = "minecraft/forwarding-secret";
      };
      # Only a test keeps a private key in the store.
      system.activationScripts.hostKey = "install -D -m 0400 ${../../../tests/demo-keys/demo-host-shosoin-tan} /var/lib/host-key";
      users.users.operator = {
        isSystemUser = true;
        group = "operator";
        shell = pkgs.bashInteractive;
        hashedPasswordFile = "/run/secrets/shosoin-tan/system/operator-password-hash";
      };
      users.groups.operator = { };
      systemd.services.minecraft-server-velocity = {
        wantedBy = [ "multi-user.target" ];
        serviceConfig = {
          DynamicUser = true;
          Type = "oneshot";
          RemainAfterExit = true;
          ExecStart = "${pkgs.coreutils}/bin/test -s %d/forwarding";
        };
      };
    };

  test =
    name: users:
    pkgs.testers.runNixOSTest {
      name = "secretctl-${name}";
      nodes.machine = machine users;
      testScript = ''
        machine.wait_for_unit("multi-user.target")
        machine.succeed("systemctl is-active secretctl.service secretctl.target minecraft-server-velocity.service")
        machine.succeed("grep -q '^operator:\\$6\\$' /etc/shadow")
        machine.fail("su nobody -s /bin/sh -c 'cat /run/secrets/shosoin-tan/system/operator-password-hash'")
      '';
    };
in
{
  vm-perl-users = test "perl-users" { system.activationScripts.secretctlUsers.deps = [ "hostKey" ]; };
  vm-sysusers = test "sysusers" { systemd.sysusers.enable = true; };
  vm-userborn = test "userborn" { services.userborn.enable = true; };
}
