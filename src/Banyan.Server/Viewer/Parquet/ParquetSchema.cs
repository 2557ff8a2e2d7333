using System.Text;

namespace Banyan.Server.Viewer.Parquet;

/// <summary>Types in which values are stored.</summary>
enum Physical
{
    Boolean, Int32, Int64, Int96, Float, Double, Bytes, FixedBytes,
}

/// <summary>What stored values mean.</summary>
enum Meaning
{
    None, Text, Decimal, Date, TimeMillis, TimeMicros, TimeNanos, Millis, Micros, Nanos, Unsigned, Uuid, Half,
}

/// <summary>A node of the schema: a column, or what is below one.</summary>
sealed class ParquetNode
{
    public required string Name { get; init; }

    /// <summary>0 required, 1 optional, 2 repeated.</summary>
    public required int Repetition { get; init; }

    public required int MaxRepetition { get; init; }

    public required int MaxDefinition { get; init; }

    public IReadOnlyList<ParquetNode> Children { get; set; } = [];

    /// <summary>A group that is written as a list or a map.</summary>
    public bool IsList { get; init; }

    public bool IsMap { get; init; }

    /// <summary>Number among the leaves, of a leaf.</summary>
    public int Leaf { get; set; } = -1;

    public Physical Physical { get; init; }

    public Meaning Meaning { get; init; }

    /// <summary>Bytes of a value of <see cref="Physical.FixedBytes"/>.</summary>
    public int Width { get; init; }

    /// <summary>Digits after the point, of a decimal.</summary>
    public int Scale { get; init; }

    /// <summary>The type as people call it.</summary>
    public string TypeText
    {
        get
        {
            if (Leaf < 0)
                return IsMap ? "map" : Repetition == 2 || IsList ? "list" : "struct";
            var type = Meaning switch
            {
                Meaning.Text => "string",
                Meaning.Decimal => "decimal",
                Meaning.Date => "date",
                Meaning.TimeMillis or Meaning.TimeMicros or Meaning.TimeNanos => "time",
                Meaning.Millis or Meaning.Micros or Meaning.Nanos => "timestamp",
                Meaning.Uuid => "uuid",
                Meaning.Half => "float16",
                Meaning.Unsigned => Physical == Physical.Int64 ? "uint64" : "uint32",
                _ => Physical switch
                {
                    Physical.Boolean => "bool",
                    Physical.Int32 => "int32",
                    Physical.Int64 => "int64",
                    Physical.Int96 => "timestamp",
                    Physical.Float => "float32",
                    Physical.Double => "float64",
                    _ => "bytes",
                },
            };
            return Repetition == 2 ? $"list of {type}" : type;
        }
    }

    /// <summary>The leaves of this node, in order.</summary>
    public IEnumerable<ParquetNode> Leaves => Leaf >= 0 ? [this] : Children.SelectMany(c => c.Leaves);
}

/// <summary>Reads the tree of columns out of a footer.</summary>
static class ParquetSchema
{
    const int MaxNodes = 20_000, MaxDepth = 32, MaxName = 300;

    struct Element
    {
        public int Type, Width, Repetition, Children, Converted, Scale;
        public string Name;
        public Meaning Meaning;
        public bool IsList, IsMap;
    }

    /// <summary>Reads the list of elements; the root's children are the columns.</summary>
    public static ParquetNode Read(ref Thrift thrift)
    {
        var (_, count) = thrift.Elements();
        if (count is < 1 or > MaxNodes)
            throw new InvalidDataException($"its schema has {count} elements");
        var elements = new Element[count];
        for (var i = 0; i < count; i++)
            elements[i] = ReadElement(ref thrift);
        var (at, leaves) = (0, 0);
        var root = Build(elements, ref at, ref leaves, 0, 0, 0);
        return at == count && root.Children.Count > 0 ? root : throw new InvalidDataException("its schema is no tree of columns");
    }

    static Element ReadElement(ref Thrift thrift)
    {
        var element = new Element { Type = -1, Converted = -1, Name = "" };
        var id = 0;
        while (thrift.Field(ref id, out var type))
            switch (id)
            {
                case 1: element.Type = thrift.Int(); break;
                case 2: element.Width = thrift.Int(); break;
                case 3: element.Repetition = thrift.Int(); break;
                case 4: element.Name = Cell.Cut(Encoding.UTF8.GetString(thrift.Bytes()), MaxName); break;
                case 5: element.Children = thrift.Int(); break;
                case 6: element.Converted = thrift.Int(); break;
                case 7: element.Scale = thrift.Int(); break;
                case 10 when type == Thrift.Struct: ReadLogical(ref thrift, ref element); break;
                default: thrift.Skip(type); break;
            }
        if (element.Meaning == Meaning.None && !element.IsList && !element.IsMap)
            (element.Meaning, element.IsList, element.IsMap) = element.Converted switch
            {
                0 or 4 or 19 => (Meaning.Text, false, false),
                1 or 2 => (Meaning.None, false, true),
                3 => (Meaning.None, true, false),
                5 => (Meaning.Decimal, false, false),
                6 => (Meaning.Date, false, false),
                7 => (Meaning.TimeMillis, false, false),
                8 => (Meaning.TimeMicros, false, false),
                9 => (Meaning.Millis, false, false),
                10 => (Meaning.Micros, false, false),
                >= 11 and <= 14 => (Meaning.Unsigned, false, false),
                _ => default,
            };
        return element;
    }

    static void ReadLogical(ref Thrift thrift, ref Element element)
    {
        var id = 0;
        while (thrift.Field(ref id, out var type))
        {
            element.Meaning = id switch
            {
                1 or 4 or 12 => Meaning.Text,
                5 => Meaning.Decimal,
                6 => Meaning.Date,
                7 => Meaning.TimeMicros,
                8 => Meaning.Micros,
                14 => Meaning.Uuid,
                15 => Meaning.Half,
                _ => Meaning.None
            };
            (element.IsMap, element.IsList) = (id == 2, id == 3);
            if (type != Thrift.Struct)
            {
                thrift.Skip(type);
                continue;
            }
            var (inner, logical) = (0, id);
            while (thrift.Field(ref inner, out var innerType))
                if (logical == 5 && inner == 1 && innerType == 5)
                    element.Scale = thrift.Int();
                else if (logical == 10 && inner == 2 && innerType == Thrift.False)
                    element.Meaning = Meaning.Unsigned;
                else if (logical is 7 or 8 && inner == 2 && innerType == Thrift.Struct)
                {
                    var unit = 0;
                    while (thrift.Field(ref unit, out var unitType))
                    {
                        element.Meaning = (logical == 7 ? Meaning.TimeMillis : Meaning.Millis) + Math.Clamp(unit - 1, 0, 2);
                        thrift.Skip(unitType);
                    }
                }
                else
                    thrift.Skip(innerType);
        }
    }

    static ParquetNode Build(Element[] elements, ref int at, ref int leaves, int repetition, int definition, int depth)
    {
        if (at >= elements.Length || depth > MaxDepth)
            throw new InvalidDataException(depth > MaxDepth ? $"its columns are nested deeper than {MaxDepth}"
                : "its schema ends too early");
        var element = elements[at++];
        if (element.Repetition is < 0 or > 2 || element.Children < 0 || element.Children > elements.Length || element.Width < 0
            || element.Scale is < 0 or > 200)
            throw new InvalidDataException($"the column '{element.Name}' of its schema makes no sense");
        if (depth > 0)
        {
            repetition += element.Repetition == 2 ? 1 : 0;
            definition += element.Repetition > 0 ? 1 : 0;
        }
        var isLeaf = element.Children == 0 && depth > 0 && element.Type >= 0;
        if (isLeaf
            && (element.Type > (int)Physical.FixedBytes || (element.Type == (int)Physical.FixedBytes && element.Width is < 1 or > 1 << 20)))
            throw new InvalidDataException($"the column '{element.Name}' has an unknown type");
        var node = new ParquetNode
        {
            Name = element.Name,
            Repetition = depth > 0 ? element.Repetition : 0,
            MaxRepetition = repetition,
            MaxDefinition = definition,
            IsList = element.IsList,
            IsMap = element.IsMap,
            Leaf = isLeaf ? leaves++ : -1,
            Physical = (Physical)Math.Max(0, element.Type),
            Meaning = element.Meaning,
            Width = element.Width,
            Scale = element.Scale,
        };
        if (!isLeaf)
        {
            var children = new List<ParquetNode>();
            for (var i = 0; i < element.Children; i++)
                children.Add(Build(elements, ref at, ref leaves, repetition, definition, depth + 1));
            node.Children = children;
        }
        return node;
    }
}
