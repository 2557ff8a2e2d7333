using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Training.Data;

/// <summary>Templates for base models, which have none. The one used is saved with the result.</summary>
public static class DefaultTemplates
{
    const string ChatMl =
        """
        {%- for message in messages %}{{ '<|im_start|>' + message.role + '\n' + (message.content or '') + '<|im_end|>\n' }}{% endfor %}
        {%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
        """;

    const string Plain =
        """
        {%- for message in messages %}
        {%- if message.role == 'assistant' %}{{ '### assistant\n' + (message.content or '') + eos_token + '\n\n' }}
        {%- else %}{{ '### ' + message.role + '\n' + (message.content or '') + '\n\n' }}{% endif %}
        {%- endfor %}
        {%- if add_generation_prompt %}{{ '### assistant\n' }}{% endif %}
        """;

    /// <summary>ChatML if the tokenizer has its tokens, otherwise plain headings and the model's end-of-text token.</summary>
    public static ChatTemplate For(Tokenizer tokenizer) =>
        ChatTemplate.Parse(tokenizer.TryFind("<|im_start|>", out _) && tokenizer.TryFind("<|im_end|>", out _) ? ChatMl : Plain);
}
