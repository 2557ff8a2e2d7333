namespace Banyan.Runtime.Files.Gguf;

/// <summary>Names of ggml's tensor types, so that a message can say which one a file has.</summary>
static class GgufTypeNames
{
    static readonly (uint Type, string Name)[] s_unread =
    [
        (3, "Q4_1"), (7, "Q5_1"), (9, "Q8_1"), (10, "Q2_K"), (11, "Q3_K"), (15, "Q8_K"), (16, "IQ2_XXS"), (17, "IQ2_XS"), (18,
        "IQ3_XXS"), (19, "IQ1_S"), (20, "IQ4_NL"), (21, "IQ3_S"), (22, "IQ2_S"), (23, "IQ4_XS"), (24, "I8"), (25, "I16"), (26,
        "I32"), (27, "I64"), (28, "F64"), (29, "IQ1_M"), (34, "TQ1_0"), (35, "TQ2_0"), (39, "MXFP4"),
    ];

    public static string Of(uint type) =>
        s_unread.FirstOrDefault(t => t.Type == type).Name is { } name ? $"{name} ({type})" : $"number {type}";
}
