# Hosts, identities and fleets that are not as they must be.
{ lib }:

let
  inherit (import ../shared.nix { inherit lib; }) alpha;
in
{
  sealed-file-that-git-does-not-track = {
    module = alpha {
      secretctl.fleet = lib.mkForce (
        builtins.path {
          path = ../../fleet;
          name = "fleet";
          filter = path: _: baseNameOf path != "token.age";
        }
      );
      secretctl.secrets."any/token" = { };
    };
    says = [
      "the manifest of host `alpha` lists `files/any/token.age`, which `sealed/alpha` lacks"
      "run `git add sealed`"
    ];
  };
  identity-on-tmpfs = {
    module = alpha {
      fileSystems."/" = {
        device = "none";
        fsType = lib.mkForce "tmpfs";
      };
      secretctl.secrets."any/token" = { };
    };
    says = [
      "secretctl.identities: `/etc/ssh/ssh_host_ed25519_key` lies on `/`, which is empty after a reboot"
      "\"/persist/etc/ssh/ssh_host_ed25519_key\""
    ];
  };
  identity-on-a-root-that-is-rolled-back = {
    module = alpha {
      secretctl.volatilePaths = [ "/" ];
      secretctl.secrets."any/token" = { };
    };
    says = [ "lies on `/`, which is empty after a reboot" ];
  };
  identity-in-a-folder-that-is-emptied = {
    module = alpha {
      secretctl.volatilePaths = [ "/etc/" ];
      secretctl.secrets."any/token" = { };
    };
    says = [ "lies on `/etc`, which is empty after a reboot" ];
  };
  identity-that-is-public = {
    module = alpha {
      secretctl.identities = [ "/etc/ssh/ssh_host_ed25519_key.pub" ];
      secretctl.secrets."any/token" = { };
    };
    says = [ "is the public half of a key" "Name the private one, `/etc/ssh/ssh_host_ed25519_key`" ];
  };
  identity-on-the-network = {
    module = alpha {
      fileSystems."/home" = {
        device = "server:/home";
        fsType = "nfs4";
      };
      secretctl.identities = [ "/home/app/key" ];
      secretctl.secrets."any/token" = { };
    };
    says = [ "secretctl.identities: `/home/app/key` lies on `/home`, which comes over the network" ];
  };
  state-on-the-network = {
    module = alpha {
      fileSystems."/var/lib/secretctl" = {
        device = "/dev/disk/by-path/iscsi";
        fsType = "ext4";
        options = [ "_netdev" ];
      };
      secretctl.secrets."any/token" = { };
    };
    says = [ "secretctl.state: `/var/lib/secretctl` lies on `/var/lib/secretctl`, which comes over the network" ];
  };
  no-identity = {
    module = alpha {
      secretctl.identities = [ ];
      secretctl.secrets."any/token" = { };
    };
    says = [ "this host has no private key to open its secrets with" ];
  };
  no-trusted-key = {
    module = alpha {
      secretctl.trustedKeys = lib.mkForce [ ];
      secretctl.secrets."any/token" = { };
    };
    says = [
      "nobody may sign the manifest of this host"
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio"
    ];
  };
  no-fleet = {
    module = alpha { secretctl.fleet = lib.mkForce ./.; };
    says = [ "there is no `secretctl.toml`" ];
  };
  host-without-a-name = {
    module = alpha { networking.hostName = lib.mkForce ""; };
    says = [ "secretctl.host: this host has no name" ];
  };
  unknown-host = {
    module = alpha { secretctl.host = "alfa"; };
    says = [
      "the fleet has no host `alfa`; it has alpha, beta, delta, gamma"
      "secretctl host add alfa --ssh ADDRESS"
    ];
  };
  host-without-a-sealed-tree = {
    module = alpha { secretctl.host = "gamma"; };
    says = [ "host `gamma` has no sealed tree" ];
  };
  revoked-host = {
    module = alpha {
      secretctl.host = "delta";
      secretctl.secrets."any/token" = { };
    };
    says = [ "host `delta` is revoked, so nothing is sealed for it" ];
  };
}
