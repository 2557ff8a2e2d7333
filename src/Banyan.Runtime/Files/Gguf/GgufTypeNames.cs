namespace Banyan.Runtime.Files.Gguf;

/// <summary>Names of ggml's tensor types, for messages about a file's type.</summary>
static class GgufTypeNames
{
    static readonly (uint Type, string Name)[] s_unread =
    [
        (9, "Q8_1"), (15, "Q8_K"), (24, "I8"), (25, "I16"), (26, "I32"), (27, "I64"), (28, "F64"),
    ];

    public static string Of(uint type) =>
        s_unread.FirstOrDefault(t => t.Type == type).Name is { } name ? $"{name} ({type})" : $"number {type}";
}
