# The part of nixpkgs' `lib` that the modules of this repository and their tests use, written anew.
let
  groups = {
    trivial = import ./trivial.nix lib;
    asserts = import ./asserts.nix lib;
    lists = import ./lists.nix lib;
    attrsets = import ./attrsets.nix lib;
    strings = import ./strings.nix lib;
    meta = import ./meta.nix lib;
    generators = import ./generators.nix lib;
    options = import ./options.nix lib // import ./documentation.nix lib;
    modules =
      import ./properties.nix lib
      // import ./collect.nix lib
      // import ./merge.nix lib
      // import ./evaluate.nix lib
      // import ./renamed.nix lib;
    types =
      import ./types/type.nix lib
      // import ./types/values.nix lib
      // import ./types/numbers.nix lib
      // import ./types/texts.nix lib
      // import ./types/paths.nix lib
      // import ./types/containers.nix lib
      // import ./types/choices.nix lib
      // import ./types/submodules.nix lib;
  };

  # Names that `lib` has in their group alone.
  grouped = [
    "collectModules"
    "defaultOrderPriority"
    "defaultOverridePriority"
    "escapeNixIdentifier"
    "escapeNixString"
    "filterOverrides'"
    "importApply"
    "isConvertibleWithToString"
    "literalCode"
    "renderOptionValue"
    "showDefs"
  ];
  lib =
    groups
    // removeAttrs (
      groups.trivial
      // groups.asserts
      // groups.lists
      // groups.attrsets
      // groups.strings
      // groups.meta
      // groups.options
      // groups.modules
    ) grouped
    // import ./catalogue.nix lib
    // {
      inherit (builtins)
        addErrorContext
        genericClosure
        isAttrs
        isList
        isPath
        isString
        trace
        ;
      inherit (groups.types)
        isOptionType
        isType
        mkOptionType
        setType
        ;
    };
in
lib
