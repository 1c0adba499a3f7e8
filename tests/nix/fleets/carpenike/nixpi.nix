# nixpi of the carpenike fleet, with everything that its file says of secrets.
{
  imports = [ ../machine.nix ];
  networking.hostName = "nixpi";
  fleet.units = [
    "caddy"
    "coachiq"
  ];
  fleet.users = [ "caddy" "cloudflared" ];
  fleet.groups = [ "caddy" "cloudflared" ];

  secretctl.secrets = {
    IOT_WIFI_PASSWORD = {
      service = "iwd";
      path = "/run/secrets/wifi_iot_password";
    };
    RVPROBLEMS_WIFI_PASSWORD = {
      service = "iwd";
      path = "/run/secrets/wifi_rvproblems_password";
    };
    caddy_cloudflare_env = {
      service = "caddy";
      owner = "caddy";
      group = "caddy";
      restartUnits = [ "caddy.service" ];
    };
    cloudflare_api_token = {
      service = "cloudflared";
      owner = "cloudflared";
      group = "cloudflared";
    };
    cloudflared_tunnel_credentials = {
      service = "cloudflared";
      owner = "cloudflared";
      group = "cloudflared";
    };
    coachiq_environment = {
      service = "coachiq";
      restartUnits = [ "coachiq.service" ];
    };
  };
}
