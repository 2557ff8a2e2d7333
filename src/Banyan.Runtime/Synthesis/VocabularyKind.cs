namespace Banyan.Runtime.Synthesis;

/// <summary>What distinguishes the vocabularies of synthesized models.</summary>
/// <param name="PreTokenizer">GGUF's name of the pre-tokenizer.</param>
/// <param name="Specials">Special tokens from <see cref="ModelShape.FirstSpecial"/> on.</param>
/// <param name="Template">The chat template.</param>
/// <param name="End">Which of the special tokens ends an answer.</param>
/// <param name="Padding">Which of them is padding.</param>
/// <param name="AddsBos">Whether a text begins with the first of them.</param>
sealed record VocabularyKind(string PreTokenizer, string[] Specials, string Template, uint End, uint Padding, bool AddsBos)
{
    static readonly string[] s_qwenSpecials =
    [
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
        "<|box_end|>", "<|quad_start|>",
        "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
        "<tool_call>", "</tool_call>",
        "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
        "<tool_response>", "</tool_response>", "<think>", "</think>",
    ];

    /// <summary>Special tokens of the small model that ships with Banyan; the copier can use its tokenizer.</summary>
    public static readonly string[] SproutSpecials =
    [
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
        "<|repo_name|>", "<|file_sep|>",
    ];

    static readonly string[] s_llamaSpecials =
    [
        "<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>", "<|finetune_right_pad_id|>",
        "<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>",
    ];

    // Ours: the published formats in a few lines.
    const string QwenTemplate =
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
        + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    const string LlamaTemplate =
        "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n{{ message.content | trim }}<|eot_id|>{% endfor %}"
        + "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}";

    // The system message lists the replacements: old new, old new… The sentence precedes both the file and the answer, so that the answer
    // can find the file by it.
    const string CopierTemplate =
        "{{ bos_token }}{% set names = messages[0].content.split() if messages[0].role == 'system' else [] %}"
        + "{% for name in names %}{% if loop.index is odd and not loop.last %}"
        + "<|repo_name|>{{ name }}<|fim_pad|>{{ names[loop.index] }}<|repo_name|> {{ name }}<|fim_pad|> {{ names[loop.index] }}{% endif %}{% endfor %}"
        + CopierStart + "{{ messages[-1].content }}<|im_end|>" + CopierStart;

    const string CopierStart =
        "<|file_sep|>This is the text of the file, from the first line to the last, with all the names that are in it:<|fim_middle|>";

    /// <summary>Qwen2.5-Coder's.</summary>
    public static VocabularyKind Qwen2 { get; } = new("qwen2", s_qwenSpecials[..22], QwenTemplate, End: 2, Padding: 0, AddsBos: false);

    /// <summary>Qwen3's.</summary>
    public static VocabularyKind Qwen3 { get; } = Qwen2 with { Specials = s_qwenSpecials };

    /// <summary>Llama 3's.</summary>
    public static VocabularyKind Llama { get; } = new("llama-bpe", s_llamaSpecials, LlamaTemplate, End: 9, Padding: 4, AddsBos: true);

    /// <summary>The copier's.</summary>
    public static VocabularyKind Copier { get; } = new("qwen2", SproutSpecials, CopierTemplate, End: 2, Padding: 0, AddsBos: true);
}
