# forge of the carpenike fleet, with everything that its file says of secrets.
{ config, ... }:

{
  imports = [ ../machine.nix ];
  networking.hostName = "forge";
  fleet.units = [
    "actual"
    "ambit"
    "beszel-agent"
    "esphome-sync-secrets"
    "filebrowser-quantum"
    "hermes-agent-daily-finance-sentinel-seed"
    "hermes-agent-weekly-pulse-seed"
    "hermes-agent"
    "home-assistant"
    "homelab-mcp"
    "lading-sync-ryan"
    "lading-sync-steffi"
    "lading"
    "marginalia"
    "pinchflat"
    "podman-esphome"
    "podman-paperless-ai"
    "schoolhouse-ingest"
    "schoolhouse"
    "whiskey-whiskey-whiskey"
  ];
  fleet.users = [
    "actual"
    "alertmanager"
    "beszel-agent"
    "bichon"
    "caddy"
    "cloudflared"
    "cooklang"
    "cooklang-fed"
    "esphome"
    "filebrowser-quantum"
    "grafana"
    "grafana-oncall"
    "hass"
    "homelab-mcp"
    "miniflux"
    "netvisor"
    "paperless"
    "pinchflat"
    "pocket-id"
    "prometheus"
    "restic-backup"
    "rslsync"
    "ryan"
    "searx"
    "tracearr"
    "tududi"
    "worldmonitor"
    "zfs-replication"
    "zigbee2mqtt"
    "zwave-js-ui"
  ];
  fleet.groups = [
    "actual"
    "alertmanager"
    "beszel-agent"
    "bichon"
    "caddy"
    "cloudflared"
    "cooklang"
    "esphome"
    "grafana"
    "grafana-oncall"
    "hass"
    "homelab-mcp"
    "media"
    "miniflux"
    "netvisor"
    "paperless"
    "pocket-id"
    "postgres"
    "prometheus"
    "restic-backup"
    "searx"
    "tracearr"
    "tududi"
    "users"
    "worldmonitor"
    "zfs-replication"
    "zigbee2mqtt"
    "zwave-js-ui"
  ];

  secretctl.secrets = {
    "actual/oidc-client-secret" = {
      service = "actual";
      owner = "actual";
      group = "actual";
      restartUnits = [ "actual.service" ];
    };
    "ambit/db_password" = {
      service = "ambit";
      group = "postgres";
      mode = "0440";
    };
    "ambit/oidc_client_secret".service = "ambit";
    "ambit/passphrase".service = "ambit";
    "ambit/session_secret".service = "ambit";
    "autobrr/api-key".service = "homepage";
    "autobrr/oidc-client-secret".service = "autobrr";
    "autobrr/session-secret".service = "autobrr";
    "beszel/agent-key" = {
      service = "beszel-agent";
      owner = "beszel-agent";
      group = "beszel-agent";
      restartUnits = [ "beszel-agent.service" ];
    };
    "bichon/admin-password" = { };
    "bichon/encrypt-password" = {
      service = "bichon";
      owner = "bichon";
      group = "bichon";
    };
    "caddy/loki-admin-bcrypt" = {
      owner = "caddy";
      group = "caddy";
    };
    "caddy/pocket-id-client-secret" = {
      service = "caddy";
      owner = "caddy";
      group = "caddy";
    };
    "cooklang/git-deploy-key" = {
      service = "cooklang";
      owner = "cooklang";
      group = "cooklang";
    };
    "dispatcharr/api_key".service = "dispatcharr-lineup-sync";
    "emqx/dashboard_password".service = "emqx";
    "esphome/secrets.yaml" = {
      service = "esphome-sync-secrets";
      owner = "esphome";
      group = "esphome";
      restartUnits = [ "esphome-sync-secrets.service" "podman-esphome.service" ];
    };
    "filebrowser-quantum/oidc-client-secret" = {
      service = "filebrowser-quantum";
      owner = "filebrowser-quantum";
      group = "media";
      restartUnits = [ "filebrowser-quantum.service" ];
    };
    "github/cooklang-token" = {
      service = "cooklang-federation";
      owner = "cooklang-fed";
      group = "cooklang";
    };
    "github/runner-token".service = "github-runner";
    "grafana-oncall/alertmanager-webhook-url" = {
      service = "alertmanager";
      owner = "alertmanager";
      group = "alertmanager";
    };
    "grafana-oncall/metrics_secret" = {
      service = "grafana-oncall";
      owner = "prometheus";
      group = "prometheus";
    };
    "grafana-oncall/secret_key" = {
      service = "grafana-oncall";
      owner = "grafana-oncall";
      group = "grafana-oncall";
    };
    "grafana/admin-password" = {
      service = "grafana";
      owner = "grafana";
      group = "grafana";
    };
    "grafana/oidc_client_secret" = {
      service = "grafana";
      owner = "grafana";
      group = "grafana";
    };
    "hermes-agent/advisor-test-group-id" = {
      service = "hermes-agent";
      restartUnits = [ "hermes-agent.service" ];
    };
    "hermes-agent/anthropic-api-key".service = "hermes-agent";
    "hermes-agent/homelab-mcp-oauth-client-secret".service = "hermes-agent";
    "hermes-agent/signal-env" = {
      service = "hermes-agent";
      restartUnits = [ "hermes-agent.service" "hermes-agent-weekly-pulse-seed.service" "hermes-agent-daily-finance-sentinel-seed.service" ];
    };
    "hermes-agent/telegram-bot-token".service = "hermes-agent";
    "home-assistant/bearer-token" = {
      service = "user:ryan";
      owner = "ryan";
      group = "users";
    };
    "home-assistant/env" = {
      service = "home-assistant";
      owner = "hass";
      group = "hass";
      restartUnits = [ "home-assistant.service" ];
    };
    "home-assistant/mqtt-password".service = "home-assistant";
    "homelab-mcp/actual-env" = {
      service = "homelab-mcp-actual-sidecar";
      owner = "homelab-mcp";
      group = "homelab-mcp";
    };
    "homelab-mcp/env" = {
      service = "homelab-mcp";
      owner = "homelab-mcp";
      group = "homelab-mcp";
      restartUnits = [ "homelab-mcp.service" ];
    };
    "homelab-mcp/export_db_password" = {
      service = "homelab-mcp-finances-export";
      group = "postgres";
      mode = "0440";
    };
    "homelab-mcp/grafana_db_password" = {
      service = "grafana";
      group = "postgres";
      mode = "0440";
    };
    "lading/db_password" = {
      service = "lading";
      group = "postgres";
      mode = "0440";
    };
    "lading/reader_password" = {
      service = "homelab-mcp";
      group = "postgres";
      mode = "0440";
    };
    "lading/ryan/amazon_otp_secret_key".service = "lading-sync-ryan";
    "lading/ryan/amazon_password".service = "lading-sync-ryan";
    "lading/ryan/amazon_username".service = "lading-sync-ryan";
    "lading/ryan/costco_tokens".service = "lading-sync-ryan";
    "lading/ryan/samsclub_tokens".service = "lading-sync-ryan";
    "lading/steffi/amazon_otp_secret_key".service = "lading-sync-steffi";
    "lading/steffi/amazon_password".service = "lading-sync-steffi";
    "lading/steffi/amazon_username".service = "lading-sync-steffi";
    "lading/steffi/costco_tokens".service = "lading-sync-steffi";
    "marginalia/dashboard_token_key".service = "marginalia";
    "marginalia/oidc_client_secret".service = "marginalia";
    "marginalia/session_secret".service = "marginalia";
    "mealie/database_password" = {
      service = "mealie";
      group = "postgres";
      mode = "0440";
    };
    "mealie/oidc_client_secret".service = "mealie";
    "mealie/openai_api_key".service = "mealie";
    "mealie/smtp_password".service = "mealie";
    "mikrotik/homepage-password".service = "homepage";
    "miniflux/admin_credentials" = {
      owner = "miniflux";
      group = "miniflux";
    };
    "miniflux/oidc_client_secret" = {
      service = "miniflux";
      owner = "miniflux";
      group = "miniflux";
    };
    "monitoring/healthchecks-url" = {
      service = "alertmanager";
      group = "alertmanager";
      mode = "0440";
    };
    "netvisor/db_password" = {
      service = "netvisor";
      owner = "netvisor";
      group = "postgres";
      mode = "0440";
    };
    "netvisor/oidc_client_secret" = {
      service = "netvisor";
      owner = "netvisor";
      group = "netvisor";
    };
    "networking/cloudflare/account-id".service = "homepage";
    "networking/cloudflare/ddns/apiToken" = {
      service = "caddy";
      owner = "caddy";
      group = "caddy";
    };
    "networking/cloudflare/forge-credentials" = {
      service = "cloudflared";
      owner = "cloudflared";
      group = "cloudflared";
    };
    "networking/cloudflare/homepage-api-token".service = "homepage";
    "networking/cloudflare/origin-cert" = {
      service = "cloudflared";
      owner = "cloudflared";
      group = "cloudflared";
    };
    "networking/cloudflare/tunnel-dns-api-token" = {
      service = "cloudflared";
      owner = "cloudflared";
      group = "cloudflared";
    };
    "nix/access-tokens".service = "nix-daemon";
    "omada/homepage-password".service = "homepage";
    "omada/homepage-username".service = "homepage";
    "paperless-ai/api_key".service = "paperless-ai";
    "paperless-ai/llm_api_key".service = "paperless-ai";
    "paperless-ai/paperless_token".service = "paperless-ai";
    "paperless/admin_password" = {
      service = "paperless";
      owner = "paperless";
      group = "paperless";
    };
    "paperless/database_password" = {
      service = "paperless";
      group = "postgres";
      mode = "0440";
    };
    "paperless/oidc_client_secret" = {
      service = "paperless";
      owner = "paperless";
      group = "paperless";
    };
    "pinchflat/env" = {
      service = "pinchflat";
      owner = "pinchflat";
      group = "media";
      restartUnits = [ "pinchflat.service" ];
    };
    "plex/token".service = "kometa";
    "pocketid/encryption_key" = {
      service = "pocket-id";
      owner = "pocket-id";
      group = "pocket-id";
    };
    "pocketid/environment" = {
      service = "pocket-id";
      owner = "pocket-id";
      group = "pocket-id";
    };
    "pocketid/smtp_password" = {
      service = "pocket-id";
      owner = "pocket-id";
      group = "pocket-id";
    };
    "postgresql/dispatcharr_password" = {
      service = "dispatcharr";
      group = "postgres";
      mode = "0440";
    };
    "postgresql/home-assistant_password" = {
      service = "postgresql-provision-databases";
      group = "postgres";
      mode = "0440";
    };
    "postgresql/pgweb_password" = {
      service = "pgweb";
      group = "postgres";
      mode = "0440";
    };
    "prometheus/api-keys/backup-taskfile" = {
      service = "caddy";
      owner = "caddy";
      group = "caddy";
    };
    "prowlarr/api-key".service = "prowlarr";
    "pushover/token" = {
      service = "alertmanager";
      group = "alertmanager";
      mode = "0440";
    };
    "pushover/user-key" = {
      service = "alertmanager";
      group = "alertmanager";
      mode = "0440";
    };
    "qui/api-key".service = "qui-auto-recheck";
    "qui/oidc-client-secret".service = "qui";
    "radarr/api-key".service = "radarr";
    "replog/admin_email".service = "replog";
    "replog/admin_pass".service = "replog";
    "replog/admin_user".service = "replog";
    "replog/oidc_client_secret".service = "replog";
    "replog/secret_key".service = "replog";
    "resilio/cooklang-secret" = {
      service = "resilio-sync";
      owner = "rslsync";
      group = "cooklang";
    };
    "restic/password" = {
      service = "restic";
      owner = "restic-backup";
      group = "restic-backup";
    };
    "restic/r2-prod-env" = {
      service = "restic";
      owner = "restic-backup";
      group = "restic-backup";
      mode = "0440";
    };
    "sabnzbd/api-key".service = "sabnzbd";
    "sabnzbd/usenet/password".service = "sabnzbd";
    "sabnzbd/usenet/username".service = "sabnzbd";
    "schoolhouse/children".service = "schoolhouse-ingest";
    "schoolhouse/db_password" = {
      service = "schoolhouse";
      group = "postgres";
      mode = "0440";
    };
    "schoolhouse/ical_feeds".service = "schoolhouse-ingest";
    "schoolhouse/reader_password" = {
      service = "homelab-mcp";
      group = "postgres";
      mode = "0440";
    };
    "schoolhouse/schoology_password".service = "schoolhouse-ingest";
    "schoolhouse/schoology_username".service = "schoolhouse-ingest";
    "scrypted/mqtt_password".service = "scrypted";
    "searxng/secret-key" = {
      service = "searxng";
      owner = "searx";
      group = "searx";
    };
    "services/caddy/environment/loki-admin-bcrypt" = {
      service = "caddy";
      owner = "caddy";
      group = "caddy";
    };
    "services/caddy/environment/pgweb-admin-bcrypt" = {
      service = "caddy";
      owner = "caddy";
      group = "caddy";
    };
    "sonarr/api-key".service = "sonarr";
    "tautulli/api-key".service = "homepage";
    "teslamate/database_password" = {
      service = "teslamate";
      group = "postgres";
      mode = "0440";
    };
    "teslamate/encryption_key".service = "teslamate";
    "teslamate/grafana_password" = {
      service = "grafana";
      group = "postgres";
      mode = "0440";
    };
    "teslamate/mqtt_password".service = "teslamate";
    "tmdb/api-key".service = "kometa";
    "tracearr/cookie_secret" = {
      service = "tracearr";
      owner = "tracearr";
      group = "tracearr";
    };
    "tracearr/db_password" = {
      service = "tracearr";
      owner = "tracearr";
      group = "postgres";
      mode = "0440";
    };
    "tracearr/jwt_secret" = {
      service = "tracearr";
      owner = "tracearr";
      group = "tracearr";
    };
    "tracearr/maxmind_license_key" = {
      service = "tracearr";
      owner = "tracearr";
      group = "tracearr";
    };
    "trakt/client-id".service = "kometa";
    "trakt/client-secret".service = "kometa";
    "tududi/admin_password" = {
      service = "tududi";
      owner = "tududi";
      group = "tududi";
    };
    "tududi/session_secret" = {
      service = "tududi";
      owner = "tududi";
      group = "tududi";
    };
    "ups/snmp-community".service = "ups-inject-secrets";
    "ups/upsmon-password".service = "upsd";
    "users/ryan/github-token" = {
      service = "user:ryan";
      owner = "ryan";
      group = "users";
    };
    "whiskey-whiskey-whiskey/anthropic_api_key".service = "whiskey-whiskey-whiskey";
    "whiskey-whiskey-whiskey/api_token".service = "whiskey-whiskey-whiskey";
    "whiskey-whiskey-whiskey/gate_token_key".service = "whiskey-whiskey-whiskey";
    "whiskey-whiskey-whiskey/gemini_api_key".service = "whiskey-whiskey-whiskey";
    "whiskey-whiskey-whiskey/oidc_client_secret".service = "whiskey-whiskey-whiskey";
    "whiskey-whiskey-whiskey/openai_api_key".service = "whiskey-whiskey-whiskey";
    "whiskey-whiskey-whiskey/openrouter_api_key".service = "whiskey-whiskey-whiskey";
    "whiskey-whiskey-whiskey/partiful_calendar_url".service = "whiskey-whiskey-whiskey";
    "whiskey-whiskey-whiskey/plex_token".service = "whiskey-whiskey-whiskey";
    "whiskey-whiskey-whiskey/public_token_key".service = "whiskey-whiskey-whiskey";
    "whiskey-whiskey-whiskey/pushover_token".service = "whiskey-whiskey-whiskey";
    "whiskey-whiskey-whiskey/session_secret".service = "whiskey-whiskey-whiskey";
    "whiskey-whiskey-whiskey/token_key".service = "whiskey-whiskey-whiskey";
    "worldmonitor/env" = {
      service = "worldmonitor";
      owner = "worldmonitor";
      group = "worldmonitor";
    };
    "zfs-replication/ssh-key" = {
      service = "syncoid";
      owner = "zfs-replication";
      group = "zfs-replication";
      mode = "0600";
    };
    "zigbee2mqtt/ext_pan_id" = {
      service = "zigbee2mqtt";
      owner = "zigbee2mqtt";
      group = "zigbee2mqtt";
    };
    "zigbee2mqtt/mqtt_password" = {
      service = "zigbee2mqtt";
      owner = "zigbee2mqtt";
      group = "zigbee2mqtt";
    };
    "zigbee2mqtt/network_key" = {
      service = "zigbee2mqtt";
      owner = "zigbee2mqtt";
      group = "zigbee2mqtt";
    };
    "zigbee2mqtt/pan_id" = {
      service = "zigbee2mqtt";
      owner = "zigbee2mqtt";
      group = "zigbee2mqtt";
    };
    "zwave-js-ui/mqtt_password" = {
      service = "zwave-js-ui";
      owner = "zwave-js-ui";
      group = "zwave-js-ui";
    };
    "zwave-js-ui/s0_legacy_key" = {
      service = "zwave-js-ui";
      owner = "zwave-js-ui";
      group = "zwave-js-ui";
    };
    "zwave-js-ui/s2_access_control_key" = {
      service = "zwave-js-ui";
      owner = "zwave-js-ui";
      group = "zwave-js-ui";
    };
    "zwave-js-ui/s2_authenticated_key" = {
      service = "zwave-js-ui";
      owner = "zwave-js-ui";
      group = "zwave-js-ui";
    };
    "zwave-js-ui/s2_long_range_access_control_key" = {
      service = "zwave-js-ui";
      owner = "zwave-js-ui";
      group = "zwave-js-ui";
    };
    "zwave-js-ui/s2_long_range_key" = {
      service = "zwave-js-ui";
      owner = "zwave-js-ui";
      group = "zwave-js-ui";
    };
    "zwave-js-ui/s2_unauthenticated_key" = {
      service = "zwave-js-ui";
      owner = "zwave-js-ui";
      group = "zwave-js-ui";
    };
    "zwave-js-ui/session_secret" = {
      service = "zwave-js-ui";
      owner = "zwave-js-ui";
      group = "zwave-js-ui";
    };
  };

  secretctl.templates = {
    ambit-env = {
      service = "ambit";
      format = "dotenv";
      restartUnits = [ "ambit.service" ];
      content = ''
        AMBIT_DB_PASSWORD=${config.secretctl.placeholder."ambit/db_password"}
        AMBIT_PASSPHRASE=${config.secretctl.placeholder."ambit/passphrase"}
        AMBIT_SESSION_SECRET="${config.secretctl.placeholder."ambit/session_secret"}"
        AMBIT_OIDC_CLIENT_SECRET=${config.secretctl.placeholder."ambit/oidc_client_secret"}
      '';
    };
    autobrr-env = {
      service = "autobrr";
      format = "dotenv";
      content = ''
        AUTOBRR_SESSION_SECRET=${config.secretctl.placeholder."autobrr/session-secret"}
        AUTOBRR_OIDC_CLIENT_SECRET="${config.secretctl.placeholder."autobrr/oidc-client-secret"}"
      '';
    };
    caddy-env = {
      service = "caddy";
      format = "dotenv";
      owner = "caddy";
      group = "caddy";
      content = ''
        NETWORKING_CLOUDFLARE_DDNS_APITOKEN="${config.secretctl.placeholder."networking/cloudflare/ddns/apiToken"}"
        SERVICES_CADDY_ENVIRONMENT_LOKI_ADMIN_BCRYPT=${config.secretctl.placeholder."services/caddy/environment/loki-admin-bcrypt"}
        SERVICES_CADDY_ENVIRONMENT_PGWEB_ADMIN_BCRYPT="${config.secretctl.placeholder."services/caddy/environment/pgweb-admin-bcrypt"}"
        PROMETHEUS_API_KEYS_BACKUP_TASKFILE=${config.secretctl.placeholder."prometheus/api-keys/backup-taskfile"}
        PAPERLESS_AI_API_KEY=${config.secretctl.placeholder."paperless-ai/api_key"}
        CADDY_POCKET_ID_CLIENT_SECRET="${config.secretctl.placeholder."caddy/pocket-id-client-secret"}"
      '';
    };
    grafana-oncall-env = {
      service = "grafana-oncall";
      format = "dotenv";
      content = ''
        GRAFANA_ONCALL_SECRET_KEY=${config.secretctl.placeholder."grafana-oncall/secret_key"}
        GRAFANA_ONCALL_METRICS_SECRET=${config.secretctl.placeholder."grafana-oncall/metrics_secret"}
        GRAFANA_ADMIN_PASSWORD="${config.secretctl.placeholder."grafana/admin-password"}"
      '';
    };
    hermes-agent-env = {
      service = "hermes-agent";
      format = "dotenv";
      restartUnits = [ "hermes-agent.service" ];
      content = ''
        HERMES_AGENT_ANTHROPIC_API_KEY="${config.secretctl.placeholder."hermes-agent/anthropic-api-key"}"
        HERMES_AGENT_TELEGRAM_BOT_TOKEN=${config.secretctl.placeholder."hermes-agent/telegram-bot-token"}
        HERMES_AGENT_HOMELAB_MCP_OAUTH_CLIENT_SECRET="${config.secretctl.placeholder."hermes-agent/homelab-mcp-oauth-client-secret"}"
      '';
    };
    homelab-mcp-export-env = {
      service = "homelab-mcp-finances-export";
      format = "dotenv";
      content = ''
        HOMELAB_MCP_EXPORT_DB_PASSWORD=${config.secretctl.placeholder."homelab-mcp/export_db_password"}
      '';
    };
    homelab-mcp-lading-env = {
      service = "homelab-mcp";
      format = "dotenv";
      restartUnits = [ "homelab-mcp.service" ];
      content = ''
        LADING_READER_PASSWORD="${config.secretctl.placeholder."lading/reader_password"}"
      '';
    };
    homelab-mcp-schoolhouse-env = {
      service = "homelab-mcp";
      format = "dotenv";
      restartUnits = [ "homelab-mcp.service" ];
      content = ''
        SCHOOLHOUSE_READER_PASSWORD="${config.secretctl.placeholder."schoolhouse/reader_password"}"
      '';
    };
    homepage-env = {
      service = "homepage";
      format = "dotenv";
      content = ''
        SONARR_API_KEY=${config.secretctl.placeholder."sonarr/api-key"}
        RADARR_API_KEY="${config.secretctl.placeholder."radarr/api-key"}"
        PROWLARR_API_KEY="${config.secretctl.placeholder."prowlarr/api-key"}"
        SABNZBD_API_KEY=${config.secretctl.placeholder."sabnzbd/api-key"}
        PLEX_TOKEN=${config.secretctl.placeholder."plex/token"}
        TAUTULLI_API_KEY="${config.secretctl.placeholder."tautulli/api-key"}"
        AUTOBRR_API_KEY=${config.secretctl.placeholder."autobrr/api-key"}
        NETWORKING_CLOUDFLARE_HOMEPAGE_API_TOKEN="${config.secretctl.placeholder."networking/cloudflare/homepage-api-token"}"
        NETWORKING_CLOUDFLARE_ACCOUNT_ID="${config.secretctl.placeholder."networking/cloudflare/account-id"}"
        OMADA_HOMEPAGE_USERNAME=${config.secretctl.placeholder."omada/homepage-username"}
        OMADA_HOMEPAGE_PASSWORD=${config.secretctl.placeholder."omada/homepage-password"}
        MIKROTIK_HOMEPAGE_PASSWORD="${config.secretctl.placeholder."mikrotik/homepage-password"}"
      '';
    };
    kometa-env = {
      service = "kometa";
      format = "dotenv";
      content = ''
        PLEX_TOKEN=${config.secretctl.placeholder."plex/token"}
        TMDB_API_KEY=${config.secretctl.placeholder."tmdb/api-key"}
        TRAKT_CLIENT_ID="${config.secretctl.placeholder."trakt/client-id"}"
        TRAKT_CLIENT_SECRET=${config.secretctl.placeholder."trakt/client-secret"}
      '';
    };
    lading-health-env = {
      service = "lading";
      format = "dotenv";
      restartUnits = [ "lading.service" ];
      content = ''
        LADING_DB_PASSWORD=${config.secretctl.placeholder."lading/db_password"}
      '';
    };
    lading-sync-ryan-env = {
      service = "lading-sync-ryan";
      format = "dotenv";
      restartUnits = [ "lading-sync-ryan.service" ];
      content = ''
        LADING_DB_PASSWORD="${config.secretctl.placeholder."lading/db_password"}"
        LADING_RYAN_AMAZON_USERNAME=${config.secretctl.placeholder."lading/ryan/amazon_username"}
        LADING_RYAN_AMAZON_PASSWORD=${config.secretctl.placeholder."lading/ryan/amazon_password"}
        LADING_RYAN_AMAZON_OTP_SECRET_KEY="${config.secretctl.placeholder."lading/ryan/amazon_otp_secret_key"}"
      '';
    };
    lading-sync-steffi-env = {
      service = "lading-sync-steffi";
      format = "dotenv";
      restartUnits = [ "lading-sync-steffi.service" ];
      content = ''
        LADING_DB_PASSWORD=${config.secretctl.placeholder."lading/db_password"}
        LADING_STEFFI_AMAZON_USERNAME=${config.secretctl.placeholder."lading/steffi/amazon_username"}
        LADING_STEFFI_AMAZON_PASSWORD="${config.secretctl.placeholder."lading/steffi/amazon_password"}"
        LADING_STEFFI_AMAZON_OTP_SECRET_KEY=${config.secretctl.placeholder."lading/steffi/amazon_otp_secret_key"}
      '';
    };
    marginalia-env = {
      service = "marginalia";
      format = "dotenv";
      restartUnits = [ "marginalia.service" ];
      content = ''
        MARGINALIA_OIDC_CLIENT_SECRET=${config.secretctl.placeholder."marginalia/oidc_client_secret"}
        MARGINALIA_SESSION_SECRET="${config.secretctl.placeholder."marginalia/session_secret"}"
        MARGINALIA_DASHBOARD_TOKEN_KEY=${config.secretctl.placeholder."marginalia/dashboard_token_key"}
      '';
    };
    paperless-ai-env = {
      service = "paperless-ai";
      format = "dotenv";
      owner = "paperless";
      group = "paperless";
      restartUnits = [ "podman-paperless-ai.service" ];
      content = ''
        PAPERLESS_AI_PAPERLESS_TOKEN=${config.secretctl.placeholder."paperless-ai/paperless_token"}
        PAPERLESS_AI_LLM_API_KEY="${config.secretctl.placeholder."paperless-ai/llm_api_key"}"
        PAPERLESS_AI_API_KEY=${config.secretctl.placeholder."paperless-ai/api_key"}
      '';
    };
    prowlarr-env = {
      service = "prowlarr";
      format = "dotenv";
      content = ''
        PROWLARR_API_KEY=${config.secretctl.placeholder."prowlarr/api-key"}
      '';
    };
    qui-env = {
      service = "qui";
      format = "dotenv";
      content = ''
        QUI_OIDC_CLIENT_SECRET="${config.secretctl.placeholder."qui/oidc-client-secret"}"
      '';
    };
    radarr-env = {
      service = "radarr";
      format = "dotenv";
      content = ''
        RADARR_API_KEY="${config.secretctl.placeholder."radarr/api-key"}"
      '';
    };
    recyclarr-env = {
      service = "recyclarr";
      format = "dotenv";
      content = ''
        SONARR_API_KEY=${config.secretctl.placeholder."sonarr/api-key"}
        RADARR_API_KEY="${config.secretctl.placeholder."radarr/api-key"}"
      '';
    };
    replog-env = {
      service = "replog";
      format = "dotenv";
      content = ''
        REPLOG_ADMIN_USER=${config.secretctl.placeholder."replog/admin_user"}
        REPLOG_ADMIN_PASS=${config.secretctl.placeholder."replog/admin_pass"}
        REPLOG_ADMIN_EMAIL="${config.secretctl.placeholder."replog/admin_email"}"
        REPLOG_SECRET_KEY=${config.secretctl.placeholder."replog/secret_key"}
        REPLOG_OIDC_CLIENT_SECRET=${config.secretctl.placeholder."replog/oidc_client_secret"}
      '';
    };
    sabnzbd-env = {
      service = "sabnzbd";
      format = "dotenv";
      content = ''
        SABNZBD_API_KEY="${config.secretctl.placeholder."sabnzbd/api-key"}"
        SABNZBD_USENET_USERNAME=${config.secretctl.placeholder."sabnzbd/usenet/username"}
        SABNZBD_USENET_PASSWORD=${config.secretctl.placeholder."sabnzbd/usenet/password"}
      '';
    };
    schoolhouse-health-env = {
      service = "schoolhouse";
      format = "dotenv";
      restartUnits = [ "schoolhouse.service" ];
      content = ''
        SCHOOLHOUSE_DB_PASSWORD="${config.secretctl.placeholder."schoolhouse/db_password"}"
      '';
    };
    schoolhouse-ingest-env = {
      service = "schoolhouse-ingest";
      format = "dotenv";
      restartUnits = [ "schoolhouse-ingest.service" ];
      content = ''
        SCHOOLHOUSE_DB_PASSWORD=${config.secretctl.placeholder."schoolhouse/db_password"}
        SCHOOLHOUSE_SCHOOLOGY_USERNAME=${config.secretctl.placeholder."schoolhouse/schoology_username"}
        SCHOOLHOUSE_SCHOOLOGY_PASSWORD="${config.secretctl.placeholder."schoolhouse/schoology_password"}"
        SCHOOLHOUSE_CHILDREN="${config.secretctl.placeholder."schoolhouse/children"}"
        SCHOOLHOUSE_ICAL_FEEDS=${config.secretctl.placeholder."schoolhouse/ical_feeds"}
      '';
    };
    sonarr-env = {
      service = "sonarr";
      format = "dotenv";
      content = ''
        SONARR_API_KEY="${config.secretctl.placeholder."sonarr/api-key"}"
      '';
    };
    "unpackerr/env" = {
      service = "unpackerr";
      format = "dotenv";
      content = ''
        SONARR_API_KEY=${config.secretctl.placeholder."sonarr/api-key"}
        RADARR_API_KEY="${config.secretctl.placeholder."radarr/api-key"}"
      '';
    };
    whiskey-whiskey-whiskey-env = {
      service = "whiskey-whiskey-whiskey";
      format = "dotenv";
      restartUnits = [ "whiskey-whiskey-whiskey.service" ];
      content = ''
        WHISKEY_WHISKEY_WHISKEY_ANTHROPIC_API_KEY="${config.secretctl.placeholder."whiskey-whiskey-whiskey/anthropic_api_key"}"
        WHISKEY_WHISKEY_WHISKEY_API_TOKEN=${config.secretctl.placeholder."whiskey-whiskey-whiskey/api_token"}
        WHISKEY_WHISKEY_WHISKEY_SESSION_SECRET=${config.secretctl.placeholder."whiskey-whiskey-whiskey/session_secret"}
        WHISKEY_WHISKEY_WHISKEY_OIDC_CLIENT_SECRET="${config.secretctl.placeholder."whiskey-whiskey-whiskey/oidc_client_secret"}"
        WHISKEY_WHISKEY_WHISKEY_TOKEN_KEY=${config.secretctl.placeholder."whiskey-whiskey-whiskey/token_key"}
        WHISKEY_WHISKEY_WHISKEY_PUBLIC_TOKEN_KEY="${config.secretctl.placeholder."whiskey-whiskey-whiskey/public_token_key"}"
        WHISKEY_WHISKEY_WHISKEY_GATE_TOKEN_KEY="${config.secretctl.placeholder."whiskey-whiskey-whiskey/gate_token_key"}"
        WHISKEY_WHISKEY_WHISKEY_PARTIFUL_CALENDAR_URL=${config.secretctl.placeholder."whiskey-whiskey-whiskey/partiful_calendar_url"}
        WHISKEY_WHISKEY_WHISKEY_PLEX_TOKEN=${config.secretctl.placeholder."whiskey-whiskey-whiskey/plex_token"}
        WHISKEY_WHISKEY_WHISKEY_GEMINI_API_KEY="${config.secretctl.placeholder."whiskey-whiskey-whiskey/gemini_api_key"}"
        WHISKEY_WHISKEY_WHISKEY_OPENAI_API_KEY=${config.secretctl.placeholder."whiskey-whiskey-whiskey/openai_api_key"}
        WHISKEY_WHISKEY_WHISKEY_OPENROUTER_API_KEY=${config.secretctl.placeholder."whiskey-whiskey-whiskey/openrouter_api_key"}
        WHISKEY_WHISKEY_WHISKEY_PUSHOVER_TOKEN="${config.secretctl.placeholder."whiskey-whiskey-whiskey/pushover_token"}"
        PUSHOVER_USER_KEY=${config.secretctl.placeholder."pushover/user-key"}
      '';
    };
  };
}
