using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.Turns;

/// <summary>The runtime's prompts for a loaded model: what is set for it, its bounds, and what went wrong as an API's error.</summary>
static class Preparing
{
    /// <summary>The next turn of a conversation.</summary>
    /// <exception cref="ApiException">The model does not chat, the template refuses the messages, they are too long, or a tool's schema
    /// cannot be enforced.</exception>
    public static Turn Prepare(this LoadedModel model, TurnRequest request, DateTimeOffset now)
    {
        var conversation = ConversationOf(model);
        if (request.Prefill.Length > 0 && (request.Options.Grammar is not null || request.Use == ToolUse.Required))
            throw ApiException.Invalid("messages",
                "A last assistant message is continued, so what it begins cannot be forced into a shape or a call: leave one of them out.");
        if (model.Settings.System is { Length: > 0 } system
            && !(request.Messages is [JsonObject first, ..] && (string?)first["role"] == "system"))
            request.Messages.Insert(0, new JsonObject { ["role"] = "system", ["content"] = system });
        try
        {
            return OutputShape.Make("tools", () => conversation.Prepare(request, now, model.ContextLength - 1));
        }
        catch (ContextLengthException)
        {
            throw PromptTokens.TooLong(model, "conversation");
        }
        catch (TemplateException e)
        {
            throw new ApiException(400, $"The chat template of {model.Name} refuses these messages: {e.Message}",
                "messages", "template_error");
        }
        catch (GenerationException e)
        {
            throw ApiException.Invalid("messages", $"Invalid 'messages': {e.Message}.");
        }
    }

    /// <summary>A text with a gap. One that the context does not hold is refused, not cut.</summary>
    /// <exception cref="ApiException">The model cannot fill in the middle, or the text is too long.</exception>
    public static (int[] Prompt, GenerationOptions Options) PrepareGap(this LoadedModel model, string prefix, string suffix,
        GenerationOptions options)
    {
        model.RequireFim();
        var prompt = Fim.Prompt(model.Tokenizer, prefix, suffix, model.ContextLength);
        return prompt.Length < model.ContextLength ? (prompt, options with { StopTokens = Fim.StopTokens(model.Tokenizer) })
            : throw PromptTokens.TooLong(model, "prompt");
    }

    /// <summary>Refuses what only a model that was trained to fill in the middle can do.</summary>
    /// <exception cref="ApiException">It was not.</exception>
    public static void RequireFim(this LoadedModel model)
    {
        if (model.Tokenizer.Fim is null)
            throw new ApiException(400,
                $"{model.Name} cannot fill in the middle: its vocabulary has no tokens for it. Leave the text after the gap out, or use a coder model.", "suffix", "fim_unsupported");
    }

    static Conversation ConversationOf(LoadedModel model)
    {
        try
        {
            return model.Conversation ?? throw new ApiException(400,
                $"{model.Name} has no chat template: it completes text but does not chat. Use /v1/completions, or start the server with --chat-template FILE.", "model", "no_chat_template");
        }
        catch (TemplateException e)
        {
            throw new ApiException(400,
                $"The chat template of {model.Name} cannot be read: {e.Message} Start the server with --chat-template FILE to use another.",
                "model", "template_error");
        }
    }
}
