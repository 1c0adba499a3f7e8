# The options of other tools, as far as a configuration looks at them.
{ lib }:

let
  inherit (lib) mkOption types;
  text = default: mkOption { type = types.str; inherit default; };
  secrets =
    folder:
    mkOption {
      type = types.attrsOf (
        types.submodule (
          { name, ... }:
          {
            options.path = text "${folder}/${name}";
          }
        )
      );
      default = { };
    };
in
{
  sopsNix = {
    options.sops = {
      secrets = secrets "/run/secrets";
      templates = secrets "/run/secrets/rendered";
    };
  };
  agenix =
    { config, ... }:
    {
      options.age = {
        secrets = secrets config.age.secretsDir;
        secretsDir = text "/run/agenix";
        secretsMountPoint = text "/run/agenix.d";
      };
    };
}
