# torii-chan of the torii fleet, with everything that its file says of secrets.
{
  imports = [ ../machine.nix ];
  networking.hostName = "torii-chan";
  fleet.units = [
    "cloudflare-ddns"
    "wireguard-wg0"
    "wireguard-wg1"
  ];
  fleet.users = [  ];
  fleet.groups = [  ];

  secretctl.secrets = {
    cloudflare_api_env = {
      service = "cloudflare-ddns";
      restartUnits = [ "cloudflare-ddns.service" ];
    };
    github_token.service = "nixos-auto-update";
    torii_chan_root_password_hash.neededForUsers = true;
    torii_chan_t3u_password_hash.neededForUsers = true;
    torii_chan_wireguard_app_private_key = {
      service = "wireguard-wg1";
      restartUnits = [ "wireguard-wg1.service" ];
    };
    torii_chan_wireguard_private_key = {
      service = "wireguard-wg0";
      restartUnits = [ "wireguard-wg0.service" ];
    };
  };
}
