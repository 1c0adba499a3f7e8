# What NixOS hands its modules as `utils`.
{ lib }:
let
  inherit (lib) concatStrings stringToCharacters;
  hex = "0123456789abcdef";
  code =
    character:
    let
      printable = stringToCharacters " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
      at = lib.findFirst (n: lib.elemAt printable n == character) (throw "`${character}' is not ASCII") (
        lib.range 0 (lib.length printable - 1)
      );
      number = at + 32;
    in
    "\\x${lib.substring (number / 16) 1 hex}${lib.substring (lib.mod number 16) 1 hex}";
  escaped =
    first: character:
    if character == "/" then
      "-"
    else if builtins.match "[a-zA-Z0-9:_]" character != null || (character == "." && !first) then
      character
    else
      code character;
in
rec {
  # A path as part of the name of a unit.
  escapeSystemdPath =
    path:
    let
      parts = lib.filter (part: builtins.isString part && part != "" && part != ".") (builtins.split "/" "${path}");
      joined = lib.concatStringsSep "/" parts;
    in
    if joined == "" then "-" else concatStrings (lib.imap0 (n: escaped (n == 0)) (stringToCharacters joined));
  escapeSystemdExecArg =
    arg: lib.replaceStrings [ "%" "$" ] [ "%%" "$$" ] (builtins.toJSON (toString arg));
  escapeSystemdExecArgs = lib.concatMapStringsSep " " escapeSystemdExecArg;
}
