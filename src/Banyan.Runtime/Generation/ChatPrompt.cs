using System.Text.Json.Nodes;
using Banyan.Runtime.Models;
using Banyan.Runtime.Templates;

namespace Banyan.Runtime.Generation;

/// <summary>Prompts for chat: the model's own template makes text of the messages, its tokenizer ids of the text.</summary>
public static class ChatPrompt
{
    /// <summary>The ids of a conversation, ready for the assistant's answer.</summary>
    /// <param name="model">A model with a chat template.</param>
    /// <param name="messages">Objects with <c>role</c> and <c>content</c>, as in OpenAI's API.</param>
    /// <param name="tools">Tools as in OpenAI's API, for templates that show them.</param>
    /// <param name="variables">Further variables of the template, such as <c>enable_thinking</c>.</param>
    /// <param name="now">What the template takes for the present time; default: the clock.</param>
    /// <exception cref="GenerationException">The model has no chat template.</exception>
    /// <exception cref="TemplateException">The template refuses these messages.</exception>
    public static int[] Encode(Model model, JsonArray messages, JsonArray? tools = null, JsonObject? variables = null, DateTimeOffset? now = null) =>
        // The template writes the special tokens itself, a first one included.
        model.Tokenizer.Encode(Render(model, messages, tools, variables, now), addSpecial: false, parseSpecial: true);

    /// <summary>The text of a conversation; see <see cref="Encode"/>.</summary>
    public static string Render(Model model, JsonArray messages, JsonArray? tools = null, JsonObject? variables = null, DateTimeOffset? now = null)
    {
        var template = model.Template ?? throw new GenerationException(
            $"{model.Name} has no chat template: it completes text, it was not made for conversation. Use a completion, or an instruct model");
        var all = variables?.DeepClone().AsObject() ?? [];
        all["messages"] = messages.DeepClone();
        if (tools is { Count: > 0 })
            all["tools"] = tools.DeepClone();
        all["add_generation_prompt"] = true;
        all["bos_token"] = Text(model, model.Tokenizer.Bos);
        all["eos_token"] = Text(model, model.Tokenizer.Eos);
        return template.Render(all, now ?? DateTimeOffset.Now);
    }

    static string Text(Model model, int? token) => token is { } id ? model.Tokenizer.Text(id) : "";
}
