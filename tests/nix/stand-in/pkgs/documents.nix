# Formats of settings, and pages of options.
{ lib, pkgs }:
let
  inherit (lib) types;
  format =
    type: render: _: {
      inherit type;
      generate = name: value: pkgs.writeText name (render value);
    };
  atom = types.nullOr (
    types.oneOf [
      types.bool
      types.int
      types.float
      types.str
      types.path
    ]
  );
  # Data of any depth, as formats such as JSON hold it.
  data = types.nullOr (
    types.oneOf [
      types.bool
      types.int
      types.float
      types.str
      types.path
      (types.attrsOf data)
      (types.listOf data)
    ]
  ) // { description = "JSON value"; };
  line = name: value: "${name}=${if lib.isBool value then lib.boolToString value else toString value}\n";
  lines = set: lib.concatStrings (lib.mapAttrsToList line set);
in
{
  formats = {
    json = format data builtins.toJSON;
    keyValue = format (types.attrsOf atom) lines;
    ini = format (types.attrsOf (types.attrsOf atom)) (
      sections: lib.concatMapAttrsStringSep "\n" (name: set: "[${name}]\n${lines set}") sections
    );
  };

  nixosOptionsDoc =
    {
      options,
      transformOptions ? lib.id,
      ...
    }:
    let
      listed = lib.filter (option: option.visible && !option.internal) (
        map transformOptions (lib.optionAttrSetToDocList options)
      );
      optionsNix = lib.listToAttrs (
        map (option: lib.nameValuePair option.name (removeAttrs option [ "name" "visible" "internal" ])) listed
      );
      text = value: value.text or (toString value);
      entry =
        option:
        lib.concatStrings (
          [
            "## ${option.name}\n\n${text (option.description or "")}\n\n"
            "*Type:*\n${option.type}\n\n"
          ]
          ++ lib.optional (option ? default) "*Default:*\n`${text option.default}`\n\n"
          ++ lib.optional (option ? example) "*Example:*\n`${text option.example}`\n\n"
        );
    in
    {
      inherit optionsNix;
      optionsCommonMark = pkgs.writeText "options.md" (lib.concatMapStrings entry listed);
      optionsJSON = pkgs.writeTextDir "share/doc/nixos/options.json" (builtins.toJSON optionsNix);
    };
}
