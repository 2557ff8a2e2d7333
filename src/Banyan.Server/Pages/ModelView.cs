using Banyan.Server.Inference.Models;
using Banyan.Server.Pages.Languages;

namespace Banyan.Server.Pages;

/// <summary>A model as a page shows it.</summary>
/// <param name="State">"ready", "loading", "failed" or "idle" (loads when first used).</param>
/// <param name="Text">The state in words.</param>
/// <param name="Fim">Fills in the middle; assumed for a model that is not loaded yet.</param>
/// <param name="Chats">Has a chat template; assumed for a model that is not loaded yet.</param>
/// <param name="Tiny">Too small to hold a conversation, template or not.</param>
public sealed record ModelView(string Name, string State, string Text, bool Fim, bool Chats, bool Tiny = false)
{
    const long TinyBytes = 50_000_000;

    internal static ModelView Of(ServedModel model, PageLanguage language) => model switch
    {
        { Loaded: { } loaded } =>
            new(model.Name, "ready", $"{model.Name} · {loaded.Model.Config.Architecture} · {ByteSize.Text(loaded.Model.WeightBytes)}",
                loaded.Tokenizer.Fim is not null, loaded.Chats, loaded.Model.WeightBytes < TinyBytes),
        { Failure: not null } => new(model.Name, "failed", language.Say("play.state.failed", ("name", model.Name)), true, true),
        { IsLoaded: true } => new(model.Name, "loading", language.Say("play.state.loading", ("name", model.Name)), true, true),
        _ => new(model.Name, "idle", language.Say("play.state.idle", ("name", model.Name)), true, true),
    };
}
