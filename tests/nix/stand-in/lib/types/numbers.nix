# Types of numbers.
lib:
let
  inherit (lib) mkOptionType;
  inherit (lib.types) addCheck;

  range =
    lowest: highest: "between ${builtins.toJSON lowest} and ${builtins.toJSON highest} (both inclusive)";
  limited =
    type: check: name: description: descriptionClass:
    addCheck type check // { inherit name description descriptionClass; };
in
rec {
  int = mkOptionType {
    name = "int";
    description = "signed integer";
    descriptionClass = "noun";
    check = lib.isInt;
    merge = lib.options.mergeEqualOption;
  };
  float = mkOptionType {
    name = "float";
    description = "floating point number";
    descriptionClass = "noun";
    check = lib.isFloat;
    merge = lib.options.mergeEqualOption;
  };
  number = lib.types.either int float;
  port = ints.u16;

  ints =
    let
      within =
        name: description: lowest: highest:
        limited int (x: lowest <= x && x <= highest) name description "noun";
      bits =
        sign: count: lowest: highest:
        within "${sign}Int${toString count}"
          "${toString count} bit ${sign} integer; ${range lowest highest}"
          lowest
          highest;
    in
    {
      between =
        lowest: highest:
        assert lib.assertMsg (lowest <= highest) "ints.between: lowest must be smaller than highest";
        within "intBetween" "integer ${range lowest highest}" lowest highest;
      positive = limited int (
        x: x > 0
      ) "positiveInt" "positive integer, meaning >0" "nonRestrictiveClause";
      unsigned = limited int (
        x: x >= 0
      ) "unsignedInt" "unsigned integer, meaning >=0" "nonRestrictiveClause";
      u8 = bits "unsigned" 8 0 255;
      u16 = bits "unsigned" 16 0 65535;
      u32 = bits "unsigned" 32 0 4294967295;
      s8 = bits "signed" 8 (-128) 127;
      s16 = bits "signed" 16 (-32768) 32767;
      s32 = bits "signed" 32 (-2147483648) 2147483647;
    };

  numbers = {
    between =
      lowest: highest:
      limited number (
        x: lowest <= x && x <= highest
      ) "numberBetween" "integer or floating point number ${range lowest highest}" "noun";
    nonnegative = limited number (
      x: x >= 0
    ) "numberNonnegative" "nonnegative integer or floating point number, meaning >=0" "nonRestrictiveClause";
    positive = limited number (
      x: x > 0
    ) "numberPositive" "positive integer or floating point number, meaning >0" "nonRestrictiveClause";
  };
}
