{ config, ... }:
{
  # Made with `secretctl set alpha/backup/password`, allowed by `policies/access.rhai`.
  # secretctl.services.backup.secrets.password.secret = "alpha/backup/password";

  # secretctl.templates."backup.env" = {
  #   service = "backup";
  #   format = "dotenv";
  #   content = "PASSWORD=${config.secretctl.placeholder."alpha/backup/password"}\n";
  # };
}
