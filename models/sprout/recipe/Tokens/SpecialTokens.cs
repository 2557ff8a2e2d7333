namespace Banyan.Sprout.Tokens;

/// <summary>Qwen2.5-Coder's control tokens, in its order, numbered after the ordinary vocabulary.</summary>
internal static class SpecialTokens
{
    public const string EndOfText = "<|endoftext|>";
    public const string FimPrefix = "<|fim_prefix|>";
    public const string FimMiddle = "<|fim_middle|>";
    public const string FimSuffix = "<|fim_suffix|>";

    public static readonly string[] All =
    [
        EndOfText, "<|im_start|>", "<|im_end|>", FimPrefix, FimMiddle, FimSuffix, "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
    ];
}
