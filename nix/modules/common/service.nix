# `secretctl.services.<service>`: credentials without further options.
{
  lib,
  kinds,
  facts,
  host,
}:
{ name, ... }:

let
  inherit (lib) mkOption types;
  units = import ../../lib/units.nix { inherit lib; };
  service = name;
  inherit (import ../../lib/grants.nix { inherit lib; } { inherit facts host; }) granted;

  # `SERVICE/ID`, unless only `HOST/SERVICE/ID` is granted.
  usual =
    id:
    let
      short = "${service}/${id}";
      long = "${host}/${short}";
    in
    if !granted short service && granted long service then long else short;

  credential =
    { name, config, ... }:
    {
      options = {
        secret = mkOption {
          type = kinds.secretName;
          default = usual name;
          defaultText = lib.literalMD "`SERVICE/ID`, or `HOST/SERVICE/ID` where only that is granted";
          example = "shared/sonarr/api-key";
          description = "The secret's name in the fleet. The policy must grant it to this service.";
        };
        path = mkOption {
          type = types.str;
          readOnly = true;
          default = units.credential service name;
          defaultText = lib.literalMD "`/run/credentials/SERVICE.service/ID`";
          description = "Where the service finds it while it runs; in its unit `%d/ID` says the same.";
        };
        placeholder = mkOption {
          type = types.str;
          readOnly = true;
          default = "<secret:${config.secret}>";
          defaultText = lib.literalMD "`<secret:NAME>`";
          description = "Stands for the value in the text of a template.";
        };
        optional = mkOption {
          type = types.bool;
          default = false;
          description = "Whether the service starts without it when the policy does not grant it.";
        };
      };
    };
in
{
  options = {
    secrets = mkOption {
      type = types.attrsOf (types.submodule credential);
      default = { };
      example = lib.literalExpression ''{ api-key.secret = "forge/sonarr/api-key"; }'';
      description = ''
        Credentials of the service, by id. The unit alone reads them, for as long as it runs, under a dynamic user too; it
        starts after they are there.
      '';
    };
    onChange = mkOption {
      type = types.enum [
        "restart"
        "reload"
        "nothing"
      ];
      default = "restart";
      description = ''
        What happens to the running service when a value changed. `reload` hands it the new credential while it runs, where
        systemd can (260 and later); elsewhere it is restarted.
      '';
    };
  };
}
