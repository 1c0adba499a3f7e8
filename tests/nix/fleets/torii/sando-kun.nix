# sando-kun of the torii fleet, with everything that its file says of secrets.
{
  imports = [ ../machine.nix ];
  networking.hostName = "sando-kun";
  fleet.units = [
    "wireguard-wg0"
    "wireguard-wg1"
  ];
  fleet.users = [  ];
  fleet.groups = [  ];

  secretctl.secrets = {
    sando_kun_root_password_hash.neededForUsers = true;
    sando_kun_t3u_password_hash.neededForUsers = true;
    sando_kun_wireguard_app_private_key = {
      service = "wireguard-wg1";
      restartUnits = [ "wireguard-wg1.service" ];
    };
    sando_kun_wireguard_private_key = {
      service = "wireguard-wg0";
      restartUnits = [ "wireguard-wg0.service" ];
    };
  };
}
