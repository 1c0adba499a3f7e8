# Names that packages describe themselves with.
_:
let
  linux = [
    "aarch64-linux"
    "x86_64-linux"
  ];
  darwin = [
    "aarch64-darwin"
    "x86_64-darwin"
  ];
in
{
  licenses.mit = {
    shortName = "mit";
    spdxId = "MIT";
    fullName = "MIT License";
    free = true;
  };
  platforms = {
    inherit linux darwin;
    unix = linux ++ darwin;
    all = linux ++ darwin;
  };
  maintainers = { };
}
