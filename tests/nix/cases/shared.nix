# What the cases stand on, and what they look at.
{ lib }:
rec {
  # A host on which nothing is wrong, and a module.
  alpha = module: {
    imports = [
      ./alpha.nix
      module
    ];
  };
  # With one secret declared.
  secret = name: fields: alpha { secretctl.secrets.${name} = fields; };

  request =
    config: builtins.fromJSON (builtins.unsafeDiscardStringContext config.secretctl.uncheckedRequest.text);
  # The one secret of a request.
  only = config: lib.head (request config).secrets;
  scripts =
    config: lib.filter (lib.hasPrefix "secretctl") (builtins.attrNames config.system.activationScripts);
}
