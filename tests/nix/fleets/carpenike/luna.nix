# luna of the carpenike fleet, with everything that its file says of secrets.
{ config, ... }:

{
  imports = [ ../machine.nix ];
  networking.hostName = "luna";
  fleet.units = [
    "adguardhome"
    "caddy"
  ];
  fleet.users = [ "adguardhome" "caddy" ];
  fleet.groups = [ "adguardhome" "caddy" ];

  secretctl.secrets = {
    "networking/adguardhome/password" = {
      service = "adguardhome";
      owner = "adguardhome";
      group = "adguardhome";
      restartUnits = [ "adguardhome.service" ];
    };
    "networking/cloudflare/ddns/apiToken".service = "caddy";
    "networking/cloudflare/ddns/records" = { };
    onepassword-credentials = {
      service = "onepassword-connect";
      mode = "0444";
    };
    "reverse-proxy/glances-auth" = {
      service = "caddy";
      restartUnits = [ "caddy.service" ];
    };
    "reverse-proxy/metrics-auth" = {
      service = "caddy";
      restartUnits = [ "caddy.service" ];
    };
    "reverse-proxy/vault-auth" = {
      service = "caddy";
      restartUnits = [ "caddy.service" ];
    };
  };

  secretctl.templates = {
    caddy-env = {
      service = "caddy";
      format = "dotenv";
      owner = "caddy";
      group = "caddy";
      content = ''
        REVERSE_PROXY_METRICS_AUTH=${config.secretctl.placeholder."reverse-proxy/metrics-auth"}
        REVERSE_PROXY_VAULT_AUTH=${config.secretctl.placeholder."reverse-proxy/vault-auth"}
        REVERSE_PROXY_GLANCES_AUTH="${config.secretctl.placeholder."reverse-proxy/glances-auth"}"
        NETWORKING_CLOUDFLARE_DDNS_APITOKEN="${config.secretctl.placeholder."networking/cloudflare/ddns/apiToken"}"
      '';
    };
  };
}
