# Cases on the plain functions.
lib:
let
  set = {
    a = 1;
    b = {
      c = 2;
      d.e = 3;
    };
  };
  package = {
    type = "derivation";
    name = "tool-1.2";
    pname = "tool";
    version = "1.2";
    outPath = "/nix/store/00000000000000000000000000000000-tool-1.2";
    meta.mainProgram = "tl";
  };
  split = package // {
    bin = package // {
      outPath = "/nix/store/00000000000000000000000000000000-tool-1.2-bin";
    };
  };
in
{
  pipe = lib.pipe 3 [
    (x: x + 1)
    (x: x * 2)
  ];
  flip = lib.flip (a: b: a - b) 1 10;
  const = lib.const 1 2;
  minMaxMod = [
    (lib.min 1 2)
    (lib.max 1 2)
    (lib.mod 11 4)
  ];
  boolToString = map lib.boolToString [
    true
    false
  ];
  boolToYesNo = map lib.boolToYesNo [
    true
    false
  ];
  throwIf = lib.throwIf true "no" 1;
  throwIfNot = lib.throwIfNot true "no" 1;
  assertMsg = lib.assertMsg false "no";
  assertOneOf = lib.assertOneOf "x" 1 [ 2 ];
  warnIf = lib.warnIf false "no" 1;
  isFunction = map lib.isFunction [
    (x: x)
    { __functor = _: x: x; }
    { }
    1
  ];
  functionArgs = lib.functionArgs (
    {
      a,
      b ? 1,
    }:
    a
  );
  functionArgsOfFunctor = lib.functionArgs (lib.setFunctionArgs (x: x) { a = true; });
  importJSON = lib.importJSON ./sample.json;
  importTOML = lib.importTOML ./sample.toml;
  mapNullable = [
    (lib.mapNullable (x: x + 1) null)
    (lib.mapNullable (x: x + 1) 1)
  ];

  mapAttrs' = lib.mapAttrs' (name: value: lib.nameValuePair "x-${name}" (builtins.typeOf value)) set;
  mapAttrsToList = lib.mapAttrsToList (name: value: name) set;
  filterAttrs = lib.filterAttrs (name: _: name != "a") set;
  optionalAttrs = [
    (lib.optionalAttrs true set)
    (lib.optionalAttrs false set)
  ];
  genAttrs = lib.genAttrs [ "x" "y" ] (name: "${name}!");
  genAttrs' = lib.genAttrs' [ 1 2 ] (n: lib.nameValuePair "n${toString n}" n);
  recursiveUpdate = lib.recursiveUpdate set {
    b.d.f = 4;
    b.c = { };
    g = null;
  };
  recursiveUpdateUntil = lib.recursiveUpdateUntil (path: _: _: path == [ "b" ]) set { b.x = 1; };
  attrByPath = map (path: lib.attrByPath path "none" set) [
    [ ]
    [ "a" ]
    [
      "b"
      "d"
      "e"
    ]
    [
      "a"
      "x"
    ]
    [ "x" ]
  ];
  hasAttrByPath = map (path: lib.hasAttrByPath path set) [
    [ ]
    [
      "b"
      "c"
    ]
    [
      "b"
      "x"
    ]
    [
      "a"
      "x"
    ]
  ];
  getAttrFromPath = lib.getAttrFromPath [ "b" "c" ] set;
  setAttrByPath = lib.setAttrByPath [ "a" "b" ] 1;
  concatMapAttrs = lib.concatMapAttrs (name: value: {
    "${name}1" = value;
    last = name;
  }) set;
  foldlAttrs = lib.foldlAttrs (
    sum: name: value:
    sum + name
  ) "" set;
  foldAttrs = lib.foldAttrs (item: sum: [ item ] ++ sum) [ ] [
    { a = 1; }
    {
      a = 2;
      b = 3;
    }
  ];
  attrsToList = lib.attrsToList { a = 1; };
  mergeAttrsList = lib.mergeAttrsList [
    { a = 1; }
    {
      a = 2;
      b = 3;
    }
  ];
  zipAttrs = lib.zipAttrs [
    { a = 1; }
    { a = 2; }
  ];
  attrVals = lib.attrVals [ "a" ] set;
  collect = lib.collect builtins.isInt set;
  mapAttrsRecursive = lib.mapAttrsRecursive (path: value: "${toString path}=${toString value}") set;
  mapAttrsRecursiveCond = lib.mapAttrsRecursiveCond (inner: !(inner ? e)) (
    path: value: builtins.length path
  ) set;
  filterAttrsRecursive = lib.filterAttrsRecursive (name: _: name != "e") set;
  isDerivation = map lib.isDerivation [
    package
    { }
    "x"
  ];
  outputs = [
    (lib.getBin split).outPath
    (lib.getBin package).outPath
    (lib.getLib split).outPath
  ];

  optional = lib.optional true 1 ++ lib.optional false 2 ++ lib.optionals true [ 3 ];
  unique = lib.unique [
    3
    1
    3
    2
    1
  ];
  allUnique = lib.allUnique [
    1
    1
  ];
  flatten = lib.flatten [
    1
    [
      2
      [ 3 ]
    ]
    [ ]
  ];
  flattenOne = lib.flatten 1;
  concatMap = lib.concatMap (x: [
    x
    x
  ]) [ 1 ];
  foldr = lib.foldr (x: sum: "${x}${sum}") "!" [
    "a"
    "b"
  ];
  partition = lib.partition (x: x > 1) [
    1
    2
    3
  ];
  sort = lib.sort (a: b: a < b) [
    3
    1
    2
  ];
  sortOn = lib.sortOn builtins.stringLength [
    "ccc"
    "b"
    "aa"
    "a"
  ];
  ends = [
    (lib.head [
      1
      2
    ])
    (lib.last [
      1
      2
    ])
    (lib.init [
      1
      2
    ])
    (lib.tail [
      1
      2
    ])
  ];
  lastOfNone = lib.last [ ];
  initOfNone = lib.init [ ];
  parts = [
    (lib.take 2 [
      1
      2
      3
    ])
    (lib.take 9 [ 1 ])
    (lib.drop 2 [
      1
      2
      3
    ])
    (lib.drop 9 [ 1 ])
    (lib.sublist 1 1 [
      1
      2
      3
    ])
  ];
  toList = [
    (lib.toList 1)
    (lib.toList [ 1 ])
  ];
  imap = [
    (lib.imap0 (n: x: "${toString n}${x}") [
      "a"
      "b"
    ])
    (lib.imap1 (n: x: "${toString n}${x}") [
      "a"
      "b"
    ])
  ];
  zipListsWith = lib.zipListsWith (a: b: a + b) [ 1 2 3 ] [ 10 20 ];
  zipLists = lib.zipLists [ 1 ] [ 2 ];
  subtractLists = lib.subtractLists [ 1 2 ] [ 1 3 2 4 ];
  intersectLists = lib.intersectLists [ 1 2 ] [ 1 3 2 4 ];
  mutuallyExclusive = lib.mutuallyExclusive [ 1 ] [ 2 ];
  groupBy = lib.groupBy (x: if x > 1 then "big" else "small") [
    1
    2
    3
  ];
  range = [
    (lib.range 2 4)
    (lib.range 3 2)
  ];
  findFirst = [
    (lib.findFirst (x: x > 1) 7 [
      1
      2
      3
    ])
    (lib.findFirst (x: x > 9) 7 [ 1 ])
  ];
  reverseList = lib.reverseList [
    1
    2
    3
  ];
  remove = lib.remove 1 [
    1
    2
    1
  ];
  count = lib.count (x: x > 1) [
    1
    2
    3
  ];
  replicate = lib.replicate 2 "x";
  singleton = lib.singleton 1;
  anyAll = [
    (lib.any lib.id [
      true
      false
    ])
    (lib.all lib.id [
      true
      false
    ])
  ];

  concatLines = lib.concatLines [
    "a"
    "b"
  ];
  concatMapStringsSep = lib.concatMapStringsSep ", " toString [
    1
    2
  ];
  concatMapAttrsStringSep = lib.concatMapAttrsStringSep ";" (name: value: "${name}=${value}") {
    a = "1";
    b = "2";
  };
  concatImapStrings = lib.concatImapStrings (n: x: "${toString n}${x}") [ "a" ];
  hasPrefix = map (lib.hasPrefix "ab") [
    "abc"
    "ab"
    "a"
    "cab"
  ];
  hasSuffix = map (lib.hasSuffix "bc") [
    "abc"
    "bc"
    "c"
    "bca"
  ];
  hasInfix = map (lib.hasInfix "b.") [
    "ab.c"
    "abc"
    "x\nb.\ny"
  ];
  removePrefix = map (lib.removePrefix "ab") [
    "abc"
    "xab"
  ];
  removeSuffix = map (lib.removeSuffix "bc") [
    "abc"
    "bcx"
    "c"
  ];
  splitString = [
    (lib.splitString "." "a.b..c")
    (lib.splitString "/" "")
    (lib.splitString "ab" "xabyab")
  ];
  escapeShellArg = map lib.escapeShellArg [
    "plain-1.2_x:y@z%/+,"
    "a b"
    "it's"
    ""
    "ünï"
    "\${x}"
    1
  ];
  escapeShellArgs = lib.escapeShellArgs [
    "one"
    "two three"
    4
  ];
  escapeRegex = lib.escapeRegex "a.b*c[d]^$(e){f}|g\\h+i?";
  escapeNixIdentifier = map lib.strings.escapeNixIdentifier [
    "abc"
    "a.b"
    "1a"
    "with"
    "a'b-c"
    "\${x}"
  ];
  escapeXML = lib.escapeXML "<a href=\"x\">'&'</a>";
  optionalString = [
    (lib.optionalString true "x")
    (lib.optionalString false "x")
  ];
  toLower = lib.toLower "AbÇ1";
  toUpper = lib.toUpper "aBç1";
  trim = map lib.trim [
    "  a b \n"
    ""
    "   "
    "a"
    "\n a\nb \n"
  ];
  substring = lib.substring 1 2 "abcd";
  stringToCharacters = lib.stringToCharacters "abc";
  versionOlder = map (lib.versionOlder "2.8") [
    "2.8"
    "2.10"
    "2.7.1"
    "2.8pre1"
  ];
  versionAtLeast = map (lib.versionAtLeast "260.1") [
    "260"
    "260.1"
    "261"
  ];
  getName = [
    (lib.getName "tool-1.2")
    (lib.getName package)
    (lib.getName { name = "other-3"; })
  ];
  getVersion = [
    (lib.getVersion "tool-1.2")
    (lib.getVersion package)
  ];
  makeBinPath = lib.makeBinPath [
    package
    split
    null
  ];
  makeSearchPath = lib.makeSearchPath "etc" [
    "/a"
    "/b"
  ];
  getExe = lib.getExe package;
  getExe' = lib.getExe' split "x";
  getExeOfString = lib.getExe' "x" "y";
  getExeNested = lib.getExe' package "a/b";
  fixedWidthNumber = lib.fixedWidthNumber 4 15;
  isStringLike = map lib.strings.isStringLike [
    "x"
    ./sample.json
    package
    { __toString = _: "x"; }
    { }
    1
  ];
  isConvertibleWithToString = map lib.strings.isConvertibleWithToString [
    null
    1
    [
      1
      "x"
    ]
    [ { } ]
    package
  ];
  isStorePath = map lib.strings.isStorePath [
    package
    "${package}/bin"
    "/tmp"
    1
  ];
  toPretty =
    map (lib.generators.toPretty { })
      [
        {
          a = [
            1
            true
            null
            1.5
          ];
          "b.c" = "x\"y\${z}";
        }
        "two\nlines\n"
        "two\nlines ''x \${y}"
        { }
        [ ]
        (x: x)
        ({ a, b ? 1 }: a)
        package
      ];
  toPrettyFlat = lib.generators.toPretty { multiline = false; } {
    a = [ "x\ny" ];
  };
  toPlist = lib.generators.toPlist { escape = true; } {
    Label = "a<b";
    Args = [
      "x"
      1
      true
    ];
    Nothing = null;
    Nested.Deep = 1.5;
  };
}
