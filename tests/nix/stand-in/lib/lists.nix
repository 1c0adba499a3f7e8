# Functions on lists.
lib: rec {
  inherit (builtins)
    all
    any
    concatLists
    concatMap
    elem
    elemAt
    filter
    foldl'
    genList
    groupBy
    head
    length
    map
    partition
    sort
    tail
    ;

  singleton = x: [ x ];
  toList = x: if builtins.isList x then x else [ x ];
  optional = condition: x: if condition then [ x ] else [ ];
  optionals = condition: list: if condition then list else [ ];
  forEach = list: f: map f list;
  replicate = count: x: genList (_: x) count;
  range = first: last: if first > last then [ ] else genList (n: first + n) (last - first + 1);

  last =
    list:
    if list == [ ] then throw "lists.last: list must not be empty!" else elemAt list (length list - 1);
  init =
    list: if list == [ ] then throw "lists.init: list must not be empty!" else take (length list - 1) list;
  take = count: sublist 0 count;
  drop = count: list: sublist count (length list) list;
  sublist =
    start: count: list:
    let
      rest = length list - start;
      size = if rest <= 0 then 0 else lib.min rest count;
    in
    genList (n: elemAt list (n + start)) size;
  reverseList =
    list:
    let
      end = length list - 1;
    in
    genList (n: elemAt list (end - n)) (length list);

  imap0 = f: list: genList (n: f n (elemAt list n)) (length list);
  imap1 = f: list: genList (n: f (n + 1) (elemAt list n)) (length list);
  foldr =
    f: end: list:
    let
      from = n: if n == length list then end else f (elemAt list n) (from (n + 1));
    in
    from 0;
  flatten = x: if builtins.isList x then concatMap flatten x else [ x ];
  remove = x: filter (other: other != x);
  count = wanted: foldl' (sum: x: if wanted x then sum + 1 else sum) 0;
  unique = foldl' (seen: x: if elem x seen then seen else seen ++ [ x ]) [ ];
  allUnique = list: length (unique list) == length list;
  subtractLists = unwanted: filter (x: !(elem x unwanted));
  intersectLists = wanted: filter (x: elem x wanted);
  mutuallyExclusive = a: b: intersectLists a b == [ ];

  findFirst =
    wanted: default: list:
    let
      found = filter wanted list;
    in
    if found == [ ] then default else head found;

  zipListsWith =
    f: a: b:
    genList (n: f (elemAt a n) (elemAt b n)) (lib.min (length a) (length b));
  zipLists = zipListsWith (fst: snd: { inherit fst snd; });

  # Keys are computed once for each element, not once for each comparison.
  sortOn =
    key: list:
    map (x: elemAt x 1) (
      sort (a: b: head a < head b) (
        map (x: [
          (key x)
          x
        ]) list
      )
    );
}
