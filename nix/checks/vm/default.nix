# Tests in real NixOS machines, for those who have KVM and nixpkgs. They are not part of `scripts/test`, which boots the same
# units in containers; nobody has run them where this project is built.
{
  self,
  pkgs,
  nixpkgs,
}:

let
  inherit (pkgs) lib;

  # A fleet of one machine, made while the test is built: its keys are worth nothing.
  fleet =
    pkgs.runCommand "vm-fleet"
      {
        nativeBuildInputs = [
          (import ../../packages.nix { inherit pkgs; }).secretctl
          pkgs.openssh
        ];
      }
      ''
        export HOME=$PWD
        ssh-keygen -q -t ed25519 -N "" -f admin
        ssh-keygen -q -t ed25519 -N "" -f host
        mkdir "$out" && cd "$out"
        export SECRETCTL_IDENTITY=$HOME/admin SECRETCTL_SIGNING_KEY=$HOME/admin
        secretctl init --admin admin --recipient "$(cat $HOME/admin.pub)" --signing-key $HOME/admin.pub
        secretctl host add machine --recipient "$(cat $HOME/host.pub)" --service reader
        echo 'allow("machine/{service}/**"); allow("machine/password-hash").services("system");' > policies/access.rhai
        printf s3cret | secretctl set machine/reader/token --from-file -
        # The hash of "correct horse".
        ${lib.getExe pkgs.mkpasswd} -m yescrypt "correct horse" | secretctl set machine/password-hash --from-file -
        secretctl seal
        cp $HOME/host $HOME/host.pub $HOME/admin.pub "$out"
      '';

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
        inherit fleet;
        host = "machine";
        trustedKeys = [ (lib.fileContents "${fleet}/admin.pub") ];
        identities = [ "/etc/host-key" ];
        secrets."machine/password-hash".neededForUsers = true;
        services.reader.secrets.token.secret = "machine/reader/token";
      };
      # Only a test keeps a private key in the store.
      boot.initrd.secrets."/etc/host-key" = lib.mkForce "${fleet}/host";
      environment.etc.host-key = {
        source = "${fleet}/host";
        mode = "0400";
      };
      users.mutableUsers = false;
      users.users.alice = {
        isSystemUser = lib.mkDefault true;
        group = "alice";
        shell = pkgs.bashInteractive;
        hashedPasswordFile = "/run/secrets/machine/password-hash";
      };
      users.groups.alice = { };
      systemd.services.reader = {
        wantedBy = [ "multi-user.target" ];
        serviceConfig = {
          DynamicUser = true;
          StateDirectory = "reader";
          ExecStart = "${pkgs.coreutils}/bin/cp %d/token /var/lib/reader/seen";
          Type = "oneshot";
          RemainAfterExit = true;
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
        machine.succeed("systemctl is-active secretctl.service secretctl.target reader.service")
        machine.succeed("grep -qx s3cret /var/lib/private/reader/seen")
        machine.succeed("grep -q '^alice:\\$y\\$' /etc/shadow")
        machine.fail("su nobody -s /bin/sh -c 'cat /run/secrets/machine/password-hash'")
      '';
    };
in
{
  vm-perl-users = test "perl-users" { };
  vm-sysusers = test "sysusers" {
    systemd.sysusers.enable = true;
    users.mutableUsers = lib.mkForce true;
  };
  vm-userborn = test "userborn" { services.userborn.enable = true; };
}
