# `secretctl.templates.<name>`
{
  lib,
  kinds,
  link,
  account,
}:
{
  imports = [
    (import ./delivery.nix {
      inherit lib kinds account;
      folder = "${link}/rendered";
    })
  ];

  options = {
    content = lib.mkOption {
      type = lib.types.str;
      example = lib.literalExpression ''"TOKEN=''${config.secretctl.placeholder."sonarr/api-key"}\n"'';
      description = ''
        Text with placeholders: `<secret:NAME>`, `<secret:NAME|FILTER>`, `<secret-if:NAME>…<secret-else>…<secret-end>`.
        Every secret must be granted to `service`. The text itself lies in the Nix store and holds no value.
      '';
    };
    format = lib.mkOption {
      type = lib.types.enum [
        "dotenv"
        "docker-env"
        "json"
        "yaml"
        "toml"
        "ini"
        "none"
      ];
      default = "none";
      example = "dotenv";
      description = ''
        What reads the text, which decides how values are escaped; `dotenv` is what `EnvironmentFile=` reads,
        `docker-env` what docker and podman read as `environmentFiles`. A value that cannot stand in the
        format fails this file alone. With `none` values are put in as they are.
      '';
    };
  };
}
