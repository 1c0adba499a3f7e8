# Functions on strings.
lib:
let
  inherit (builtins) isString match;
  lower = lib.stringToCharacters "abcdefghijklmnopqrstuvwxyz";
  upper = lib.stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
in
rec {
  inherit (builtins)
    concatStringsSep
    replaceStrings
    stringLength
    substring
    toJSON
    typeOf
    unsafeDiscardStringContext
    ;

  isStringLike = x: isString x || builtins.isPath x || x ? outPath || x ? __toString;
  isConvertibleWithToString =
    let
      plain = [
        "null"
        "int"
        "float"
        "bool"
      ];
    in
    x:
    isStringLike x
    || lib.elem (typeOf x) plain
    || (builtins.isList x && lib.all isConvertibleWithToString x);
  isStorePath =
    x:
    isStringLike x
    && hasPrefix "/" (toString x)
    && (
      dirOf (toString x) == builtins.storeDir
      || match "/[0-9a-z]{52}" (unsafeDiscardStringContext (toString x)) != null
    );

  optionalString = condition: text: if condition then text else "";
  concatStrings = concatStringsSep "";
  concatMapStrings = f: list: concatStrings (map f list);
  concatImapStrings = f: list: concatStrings (lib.imap1 f list);
  concatMapStringsSep =
    separator: f: list:
    concatStringsSep separator (map f list);
  concatMapAttrsStringSep =
    separator: f: set:
    concatStringsSep separator (lib.mapAttrsToList f set);
  concatLines = concatMapStrings (line: line + "\n");
  stringToCharacters = text: lib.genList (n: substring n 1 text) (stringLength text);
  splitString =
    separator: text:
    map (part: builtins.appendContext part (builtins.getContext text)) (
      lib.filter isString (builtins.split (escapeRegex (toString separator)) (toString text))
    );

  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  hasSuffix =
    suffix: text:
    let
      start = stringLength text - stringLength suffix;
    in
    start >= 0 && substring start (-1) text == suffix;
  hasInfix = infix: text: match ".*${escapeRegex infix}.*" "${text}" != null;
  removePrefix =
    prefix: text: if hasPrefix prefix text then substring (stringLength prefix) (-1) text else text;
  removeSuffix =
    suffix: text:
    if hasSuffix suffix text then substring 0 (stringLength text - stringLength suffix) text else text;
  trim =
    text:
    let
      found = match "[ \t\r\n]*(.*[^ \t\r\n])?[ \t\r\n]*" text;
      inner = if found == null then null else lib.head found;
    in
    if inner == null then "" else inner;

  toLower = replaceStrings upper lower;
  toUpper = replaceStrings lower upper;

  escape = characters: replaceStrings characters (map (c: "\\${c}") characters);
  escapeRegex = escape (stringToCharacters "\\[{()^$?*+|.");
  escapeShellArg =
    arg:
    let
      text = toString arg;
    in
    if match "[[:alnum:],._+:@%/-]+" text != null then text else "'${replaceStrings [ "'" ] [ "'\\''" ] text}'";
  escapeShellArgs = concatMapStringsSep " " escapeShellArg;
  escapeNixString = text: escape [ "$" ] (toJSON text);
  escapeNixIdentifier =
    let
      keywords = [
        "assert"
        "else"
        "if"
        "in"
        "inherit"
        "let"
        "or"
        "rec"
        "then"
        "with"
      ];
    in
    name:
    if match "[a-zA-Z_][a-zA-Z0-9_'-]*" name != null && !(lib.elem name keywords) then
      name
    else
      escapeNixString name;
  escapeXML =
    replaceStrings
      [
        "\""
        "'"
        "<"
        ">"
        "&"
      ]
      [
        "&quot;"
        "&apos;"
        "&lt;"
        "&gt;"
        "&amp;"
      ];

  versionOlder = a: b: builtins.compareVersions b a == 1;
  versionAtLeast = a: b: !(versionOlder a b);
  getName = x: if isString x then (builtins.parseDrvName x).name else x.pname or (getName x.name);
  getVersion = x: if isString x then (builtins.parseDrvName x).version else x.version or (getVersion x.name);

  makeSearchPath =
    sub: paths: concatStringsSep ":" (map (path: "${path}/${sub}") (lib.filter (path: path != null) paths));
  makeSearchPathOutput =
    output: sub: packages:
    makeSearchPath sub (map (lib.getOutput output) packages);
  makeBinPath = makeSearchPathOutput "bin" "bin";
  makeLibraryPath = makeSearchPathOutput "lib" "lib";
  fileContents = file: removeSuffix "\n" (builtins.readFile file);
  fixedWidthNumber =
    width: number:
    let
      text = toString number;
    in
    concatStrings (lib.replicate (width - stringLength text) "0") + text;
}
