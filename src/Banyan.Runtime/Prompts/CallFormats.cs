namespace Banyan.Runtime.Prompts;

/// <summary>The formats of calls, one row each; the first whose marks a template holds is a model's.</summary>
internal static class CallFormats
{
    static readonly string[] s_deepSeek = ["<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>",
        "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"];

    public static IReadOnlyList<CallFormat> All { get; } =
    [
        new MarkedCalls
        {
            Name = "gpt-oss", Is = t => Has(t, "<|channel|>") && Has(t, "<|call|>"),
            Opens = ["<|channel|>commentary to=functions.", "<|start|>assistant to=functions."], IsParallel = false,
            Call = "<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>{args}<|call|>",
            Marks = ["<|channel|>", "<|constrain|>", "<|message|>", "<|call|>", "<|start|>", "<|end|>"],
        },
        new TaggedCalls
        {
            Name = "minimax", Is = t => Has(t, "<minimax:tool_call>"), Opens = ["<minimax:tool_call>"],
            Marks = ["<minimax:tool_call>", "</minimax:tool_call>"],
            Section = "<minimax:tool_call>\n", SectionEnd = "</minimax:tool_call>",
            CallName = ("<invoke name=\"", "\">\n"), CallEnd = "</invoke>\n",
            Parameter = ("<parameter name=\"", "\">"), ParameterEnd = "</parameter>\n",
        },
        new TaggedCalls
        {
            Name = "deepseek-v3.2", Is = t => Has(t, "｜DSML｜"), Opens = ["<｜DSML｜function_calls>", "<｜DSML｜tool_calls>"],
            Marks = ["<｜DSML｜function_calls>", "</｜DSML｜function_calls>"],
            Section = "<｜DSML｜function_calls>\n", SectionEnd = "</｜DSML｜function_calls>", CallName = ("<｜DSML｜invoke name=\"", "\">\n"),
            CallEnd = "</｜DSML｜invoke>\n",
            Parameter = ("<｜DSML｜parameter name=\"", "\">"), ParameterEnd = "</｜DSML｜parameter>\n",
        },
        new TaggedCalls
        {
            Name = "glimmer", Is = t => Has(t, "<atem:function_calls>"), Opens = ["<atem:function_calls>"],
            Section = "<atem:function_calls>\n", SectionEnd = "</atem:function_calls>", CallName = ("<atem:invoke name=\"", "\">\n"),
            CallEnd = "</atem:invoke>\n",
            Parameter = ("<atem:parameter name=\"", "\">"), ParameterEnd = "</atem:parameter>\n",
        },
        new MarkedCalls
        {
            Name = "kimi-k2", Is = t => Has(t, "<|tool_calls_section_begin|>"), Opens = ["<|tool_calls_section_begin|>"],
            Section = "<|tool_calls_section_begin|>",
            Call = "<|tool_call_begin|>functions.{name}:{index}<|tool_call_argument_begin|>{args}<|tool_call_end|>",
            SectionEnd = "<|tool_calls_section_end|>",
            Marks = ["<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", "<|tool_call_begin|>",
                "<|tool_call_argument_begin|>", "<|tool_call_end|>"],
        },
        new MarkedCalls
        {
            Name = "deepseek-v3", Is = t => Has(t, "<｜tool▁calls▁begin｜>") && Has(t, "```json"), Opens = ["<｜tool▁calls▁begin｜>"],
            Section = "<｜tool▁calls▁begin｜>", Call = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n{args}\n```<｜tool▁call▁end｜>",
            Between = "\n", SectionEnd = "<｜tool▁calls▁end｜>", Marks = s_deepSeek,
        },
        new MarkedCalls
        {
            Name = "deepseek-v3.1", Is = t => Has(t, "<｜tool▁calls▁begin｜>"), Opens = ["<｜tool▁calls▁begin｜>"],
            Section = "<｜tool▁calls▁begin｜>", Call = "<｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{args}<｜tool▁call▁end｜>",
            SectionEnd = "<｜tool▁calls▁end｜>", Marks = s_deepSeek,
        },
        new TaggedCalls
        {
            Name = "glm", Is = t => Has(t, "<arg_key>"), Opens = ["<tool_call>"],
            Marks = ["<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"],
            CallName = ("<tool_call>", "\n"), CallEnd = "</tool_call>", Parameter = ("<arg_key>", "</arg_key>\n<arg_value>"),
            ParameterEnd = "</arg_value>\n",
        },
        new TaggedCalls
        {
            Name = "qwen3-coder", Is = t => Has(t, "<function="), Opens = ["<tool_call>"], Marks = ["<tool_call>", "</tool_call>"],
            CallName = ("<tool_call>\n<function=", ">\n"), CallEnd = "</function>\n</tool_call>", Parameter = ("<parameter=", ">\n"),
            ParameterEnd = "\n</parameter>\n",
        },
        new MarkedCalls
        {
            Name = "mistral-small", Is = t => Has(t, "[TOOL_CALLS]") && Has(t, "[CALL_ID]"), Opens = ["[TOOL_CALLS]"],
            Call = "[TOOL_CALLS]{name}[CALL_ID]{id}[ARGS]{args}", Marks = ["[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"],
        },
        new MarkedCalls
        {
            Name = "ministral", Is = t => Has(t, "[TOOL_CALLS]") && Has(t, "[ARGS]"), Opens = ["[TOOL_CALLS]"],
            Call = "[TOOL_CALLS]{name}[ARGS]{args}", Marks = ["[TOOL_CALLS]", "[ARGS]"],
        },
        new ObjectCalls
        {
            Name = "mistral-nemo", Is = t => Has(t, "[TOOL_CALLS]"), Opens = ["[TOOL_CALLS]"], Marks = ["[TOOL_CALLS]"],
            Before = "[TOOL_CALLS][", After = "]", IsArray = true, HasIds = true,
        },
        new ObjectCalls
        {
            Name = "phi-4-mini", Is = t => Has(t, "<|tool_call|>"), Opens = ["<|tool_call|>"], Marks = ["<|tool_call|>", "<|/tool_call|>"],
            Before = "<|tool_call|>[", After = "]<|/tool_call|>", IsArray = true,
        },
        new ObjectCalls
        {
            Name = "llama-3", Is = t => Has(t, "<|python_tag|>") || (Has(t, "ipython") && Has(t, "\"parameters\"")),
            Opens = ["<|python_tag|>", "{\"name\""], Marks = ["<|python_tag|>"],
            Before = "", ArgumentsKey = "parameters", IsParallel = false,
        },
        // Qwen2.5 and 3, Hermes, Granite 4, and whatever has no format of its own.
        new ObjectCalls
        {
            Name = "hermes", Is = _ => true, Opens = ["<tool_call>"], Marks = ["<tool_call>", "</tool_call>"], Before = "<tool_call>\n",
            After = "\n</tool_call>",
        },
    ];

    /// <summary>The format of a template.</summary>
    public static CallFormat Of(string template) => All.First(f => f.Is(template));

    static bool Has(string template, string mark) => template.Contains(mark, StringComparison.Ordinal);
}
