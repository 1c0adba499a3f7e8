# Cases on how definitions become one value.
lib:
let
  inherit (lib) mkOption types;
  value = type: defs: merged { inherit type; } defs;
  merged =
    option: defs:
    (lib.evalModules {
      modules = [ { options.x = mkOption option; } ] ++ map (def: { x = def; }) defs;
    }).config.x;
  # The kinds of values that each type is asked about.
  samples = [
    null
    true
    0
    (-1)
    70000
    1.5
    ""
    " \n"
    "a"
    "two\nlines"
    "line\n"
    "a:b"
    "/etc/x"
    "etc/x"
    "/nix/store"
    "/nix/store/00000000000000000000000000000000-x"
    "/nix/store/00000000000000000000000000000000-x/y"
    "/nix/store/.links/x"
    [ ]
    [
      "a"
      1
    ]
    [ "a" ]
    { }
    { a = 1; }
    { a = "x"; }
    {
      type = "derivation";
      name = "d";
      outPath = "/nix/store/00000000000000000000000000000000-d";
    }
  ];
  named = {
    inherit (types)
      str
      nonEmptyStr
      singleLineStr
      lines
      commas
      envVar
      int
      float
      number
      port
      bool
      boolByOr
      path
      pathInStore
      externalPath
      raw
      anything
      unspecified
      attrs
      ;
    positive = types.ints.positive;
    unsigned = types.ints.unsigned;
    between = types.ints.between (-3) 3;
    u8 = types.ints.u8;
    s16 = types.ints.s16;
    nonnegative = types.numbers.nonnegative;
    enum = types.enum [
      "a"
      1
      null
    ];
    nullOrInt = types.nullOr types.int;
    intOrStr = types.either types.int types.str;
    oneOf = types.oneOf [
      types.bool
      types.port
      (types.listOf types.str)
    ];
    listOfStr = types.listOf types.str;
    nonEmptyListOf = types.nonEmptyListOf types.str;
    attrsOfInt = types.attrsOf types.int;
    lazyAttrsOfInt = types.lazyAttrsOf types.int;
    strMatching = types.strMatching "[a-z/]+";
    uniq = types.uniq types.str;
    coerced = types.coercedTo types.int toString types.str;
    coercedList = types.coercedTo types.str lib.singleton (types.listOf types.str);
    passwdEntry = types.passwdEntry types.str;
    checked = types.addCheck types.str (text: builtins.stringLength text == 1);
  };
  outcome =
    value:
    let
      tried = builtins.tryEval (builtins.deepSeq value value);
    in
    if tried.success then tried.value else "fails";
  pairs = [
    [
      1
      1
    ]
    [
      1
      2
    ]
    [
      "a"
      "a"
    ]
    [
      "a"
      "b"
    ]
    [
      true
      false
    ]
    [
      null
      null
    ]
    [
      null
      1
    ]
    [
      1
      "a"
    ]
    [
      [ "a" ]
      [ "b" ]
    ]
    [
      { a = 1; }
      { a = 1; }
    ]
    [
      { a = 1; }
      { b = 2; }
    ]
    [
      { a = 1; }
      { a = 2; }
    ]
    [
      "/x"
      "/x"
    ]
  ];
in
lib.mapAttrs' (
  name: type:
  lib.nameValuePair "one-${name}" (map (sample: outcome (value type [ sample ])) samples)
) named
// lib.mapAttrs' (
  name: type: lib.nameValuePair "two-${name}" (map (pair: outcome (value type pair)) pairs)
) named
// lib.mapAttrs' (name: type: lib.nameValuePair "none-${name}" (outcome (value type [ ]))) named
// lib.mapAttrs' (name: type: lib.nameValuePair "described-${name}" type.description) named
// {
  # A plain string that is a store path would be asked of the store, so only those that are refused.
  packages = map (sample: outcome (value types.package [ sample ])) (
    lib.filter (sample: !(builtins.isString sample)) samples
  );
  packageText = value types.package [ "tool" ];
  packageTwice = value types.package [
    (lib.last samples)
    (lib.last samples)
  ];
  forceWins = value types.int [
    1
    (lib.mkForce 2)
    (lib.mkDefault 3)
  ];
  defaultLoses = value types.int [
    (lib.mkDefault 1)
    2
  ];
  defaultsConflict = value types.int [
    (lib.mkDefault 1)
    (lib.mkDefault 2)
  ];
  lowestPriorityWins = value types.int [
    (lib.mkOverride 10 1)
    (lib.mkForce 2)
    (lib.mkVMOverride 1)
  ];
  defaultOfOption = merged {
    type = types.int;
    default = 5;
  } [ ];
  defaultOfOptionLoses = merged {
    type = types.int;
    default = 5;
  } [ (lib.mkDefault 6) ];
  listsJoin = value (types.listOf types.int) [
    [ 1 ]
    [ 2 ]
    [ 3 ]
  ];
  orders = value (types.listOf types.int) [
    [ 1 ]
    (lib.mkAfter [ 2 ])
    (lib.mkBefore [ 3 ])
    (lib.mkOrder 900 [ 4 ])
    [ 5 ]
  ];
  ordersOfLines = value types.lines [
    "1"
    (lib.mkAfter "2")
    (lib.mkBefore "3")
  ];
  orderInForce = value types.lines [
    "1"
    (lib.mkForce (lib.mkAfter "2"))
    (lib.mkForce "3")
  ];
  ifFalse = value (types.listOf types.int) [
    (lib.mkIf false [ 1 ])
    (lib.mkIf true [ 2 ])
  ];
  ifFalseAlone = value types.int [ (lib.mkIf false 1) ];
  ifNotBoolean = value types.int [ (lib.mkIf 1 1) ];
  merges = value (types.listOf types.int) [
    (lib.mkMerge [
      [ 1 ]
      (lib.mkIf false [ 2 ])
      (lib.mkMerge [ [ 3 ] ])
    ])
  ];
  ifInList = value (types.listOf types.int) [
    [
      (lib.mkIf false 1)
      (lib.mkIf true 2)
      (lib.mkMerge [ 3 ])
    ]
  ];
  ifInAttrs = value (types.attrsOf types.int) [
    {
      a = lib.mkIf false 1;
      b = lib.mkIf true 2;
      c = lib.mkMerge [ (lib.mkDefault 3) ];
    }
    { c = 4; }
  ];
  ifInLazyAttrs = builtins.attrNames (
    value (types.lazyAttrsOf types.int) [ { a = lib.mkIf false 1; } ]
  );
  emptyInLazyAttrs = value (types.lazyAttrsOf (types.nullOr types.int)) [ { a = lib.mkIf false 1; } ];
  forceOnSet = value (types.attrsOf types.int) [
    { a = 1; }
    (lib.mkForce { b = 2; })
  ];
  nestedPriorities = value (types.attrsOf (types.attrsOf types.int)) [
    { a.b = lib.mkDefault 1; }
    {
      a.b = 2;
      a.c = lib.mkForce 3;
    }
    { a.c = 4; }
  ];
  anythingDeep = value types.anything [
    {
      a.b = 1;
      l = [ 1 ];
    }
    {
      a.c = lib.mkForce 2;
      l = [ 1 ];
    }
    { a.c = 3; }
  ];
  anythingConflict = value types.anything [
    { a.b = 1; }
    { a.b = "x"; }
  ];
  anythingFunctions = (value types.anything [
    (n: { a = n; })
    (n: { b = n + 1; })
  ]) 1;
  functionsMerge = (value (types.functionTo (types.listOf types.int)) [
    (n: [ n ])
    (n: [ (n + 1) ])
  ]) 1;
  rawTwice = value types.raw [
    1
    1
  ];
  uniqMessage = value (types.unique { message = "only one"; } types.int) [
    1
    1
  ];
  applied = merged {
    type = types.int;
    apply = n: n * 2;
  } [ 21 ];
  readOnlyOnce = merged {
    type = types.int;
    readOnly = true;
  } [ 1 ];
  readOnlyTwice = merged {
    type = types.int;
    readOnly = true;
  } [
    1
    1
  ];
  readOnlyWithDefault = merged {
    type = types.int;
    readOnly = true;
    default = 1;
  } [ 1 ];
  coercedMixed = value (types.coercedTo types.str lib.singleton (types.listOf types.str)) [
    "a"
    [ "b" ]
  ];
  eitherMixed = value (types.either types.int types.str) [
    1
    "a"
  ];
  oneOfListOrSet = value (types.oneOf [
    (types.listOf types.int)
    (types.attrsOf types.int)
  ]) [
    { a = 1; }
    { b = 2; }
  ];
  noType = merged { } [
    [ 1 ]
    [ 2 ]
  ];
  noTypeSets = merged { } [
    { a = 1; }
    { b = 2; }
  ];
  noTypeMixed = merged { } [
    1
    [ 2 ]
  ];
  noTypeBools = merged { } [
    true
    false
  ];
}
