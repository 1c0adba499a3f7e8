# nas-1 of the carpenike fleet, with everything that its file says of secrets.
{ config, ... }:

{
  imports = [ ../machine.nix ];
  networking.hostName = "nas-1";
  fleet.units = [
    "atticd"
    "caddy"
  ];
  fleet.users = [ "attic" "caddy" ];
  fleet.groups = [ "attic" "caddy" ];

  secretctl.secrets = {
    "attic/admin-token" = {
      service = "attic-cli";
      mode = "0444";
    };
    "attic/jwt-secret" = {
      service = "atticd";
      owner = "attic";
      group = "attic";
      restartUnits = [ "atticd.service" ];
    };
    "networking/cloudflare/ddns/apiToken" = {
      service = "caddy";
      restartUnits = [ "caddy.service" ];
    };
  };

  secretctl.templates = {
    attic-admin-config = {
      service = "attic-cli";
      format = "toml";
      mode = "0644";
      path = "/etc/attic/config.toml";
      content = ''
        endpoint = "https://cache.example.org/"
        token = ${config.secretctl.placeholder."attic/admin-token"}
      '';
    };
    caddy-env = {
      service = "caddy";
      format = "dotenv";
      owner = "caddy";
      group = "caddy";
      content = ''
        NETWORKING_CLOUDFLARE_DDNS_APITOKEN="${config.secretctl.placeholder."networking/cloudflare/ddns/apiToken"}"
      '';
    };
  };
}
