using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Clients;

/// <summary>The small models behind a template that shows tools and begins a thought where it is asked for.</summary>
public sealed class ThinkingServer : IAsyncLifetime
{
    const string Template =
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if tools %}{{ tools | length }} tools{% endif %}"
        + "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking %}<think>\n{% else %}<think>\n\n</think>\n\n{% endif %}{% endif %}";

    internal TestServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() =>
        Server = await TestServer.StartAsync(o => o with { Inference = o.Inference with { ChatTemplate = Template } });

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
