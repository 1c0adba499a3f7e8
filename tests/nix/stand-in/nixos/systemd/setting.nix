# The type of one setting in a unit: a value, or a list for what may be repeated.
{ lib }:
lib.mkOptionType {
  name = "systemd option";
  merge =
    loc: defs:
    let
      strongest = lib.filterOverrides defs;
      isList = def: builtins.isList def.value;
    in
    if lib.any isList strongest then
      lib.concatMap (def: lib.toList def.value) strongest
    else
      lib.options.mergeEqualOption loc strongest;
}
