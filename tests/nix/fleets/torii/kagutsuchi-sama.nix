# kagutsuchi-sama of the torii fleet, with everything that its file says of secrets.
{
  imports = [ ../machine.nix ];
  networking.hostName = "kagutsuchi-sama";
  fleet.units = [
    "wireguard-wg0"
    "wireguard-wg1"
  ];
  fleet.users = [  ];
  fleet.groups = [  ];

  secretctl.secrets = {
    github_token.service = "nixos-auto-update";
    kagutsuchi_sama_root_password_hash.neededForUsers = true;
    kagutsuchi_sama_t3u_password_hash.neededForUsers = true;
    kagutsuchi_sama_wireguard_app_private_key = {
      service = "wireguard-wg1";
      restartUnits = [ "wireguard-wg1.service" ];
    };
    kagutsuchi_sama_wireguard_private_key = {
      service = "wireguard-wg0";
      restartUnits = [ "wireguard-wg0.service" ];
    };
  };
}
