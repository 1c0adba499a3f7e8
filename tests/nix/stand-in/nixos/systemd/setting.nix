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
    if !(isList (lib.head strongest)) then
      lib.options.mergeEqualOption loc strongest
    else if lib.all isList strongest then
      lib.concatMap (def: def.value) strongest
    else
      throw "The definitions for systemd unit options should be either all lists, representing repeatable options, or all non-lists, but for the option ${lib.showOption loc}, the definitions are a mix of list and non-list ${lib.options.showDefs strongest}";
}
