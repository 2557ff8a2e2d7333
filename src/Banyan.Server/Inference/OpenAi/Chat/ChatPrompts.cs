using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Templates;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.OpenAi.Chat;

/// <summary>A conversation as the tokens its model was trained on.</summary>
static class ChatPrompts
{
    public static int[] Render(LoadedModel model, JsonObject variables, DateTimeOffset now)
    {
        if (TemplateOf(model) is not { } template)
            throw new ApiException(400, $"{model.Name} has no chat template: it completes text but does not chat. Use /v1/completions, or start the server with --chat-template FILE.", "model", "no_chat_template");
        try
        {
            return ChatPrompt.Encode(model.Tokenizer, template, variables, now, model.ContextLength - 1).OrStart(model.Tokenizer);
        }
        catch (ContextLengthException)
        {
            throw PromptTokens.TooLong(model, "conversation");
        }
        catch (TemplateException e)
        {
            throw new ApiException(400, $"The chat template of {model.Name} refuses these messages: {e.Message}", "messages", "template_error");
        }
    }

    static ChatTemplate? TemplateOf(LoadedModel model)
    {
        try
        {
            return model.Template;
        }
        catch (TemplateException e)
        {
            throw new ApiException(400, $"The chat template of {model.Name} cannot be read: {e.Message} Start the server with --chat-template FILE to use another.", "model", "template_error");
        }
    }
}
