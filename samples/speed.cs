#:project ../src/Banyan.Runtime/Banyan.Runtime.csproj
#:property PublishAot=true
#:property IlcInstructionSet=native

// How fast a model reads and writes on this machine, and with which kernels: dotnet run samples/speed.cs MODEL.gguf
// Published ahead of time it needs no .NET: dotnet publish samples/speed.cs -o OUT. "native" compiles for this machine's processor; the
// default is a processor of 2006, which runs at a fraction of the speed (x86-64-v3 is any of the last ten years).

using Banyan.Runtime.Chat;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Microsoft.Extensions.AI;

if (args is not [var path])
{
    Console.Error.WriteLine("dotnet run samples/speed.cs MODEL.gguf");
    return 1;
}
using var model = Model.Load(path);
await using var engine = new Engine(model, new EngineOptions { Speculation = false });
var options = new GenerationOptions { MaxTokens = 64, Temperature = 0, IgnoreEndOfText = true };
int[] prompt = [.. Enumerable.Range(0, 256).Select(i => 100 + i * 7 % 1000 % (model.Tokenizer.Count - 100))];
GenerationStatistics? last = null;
for (var run = 0; run < 3; run++) // the first one warms up
    await foreach (var generated in engine.GenerateAsync([.. prompt.Select(t => (t + run) % model.Tokenizer.Count)], options))
        last = generated.Statistics ?? last;
Console.WriteLine($"kernels {Model.Kernels}");
Console.WriteLine($"prompt  {last!.PromptSpeed:0} tokens/s");
Console.WriteLine($"answer  {last.GenerateSpeed:0} tokens/s");
if (model.Template is null)
    return 0;

// A chat with a tool and JSON by its schema.
using var client = engine.AsChatClient();
var tool = AIFunctionFactory.CreateDeclaration("look_up", "Looks a word up",
    System.Text.Json.JsonDocument.Parse(
        """{"type":"object","properties":{"word":{"type":"string","maxLength":8}},"required":["word"],"additionalProperties":false}""").RootElement);
var answer = await client.GetResponseAsync("What is a banyan?",
    new ChatOptions
    {
        Tools = [tool],
        ToolMode = ChatToolMode.RequireAny,
        AllowMultipleToolCalls = false,
        MaxOutputTokens = 200,
        Temperature = 0
    });
foreach (var content in answer.Messages.SelectMany(m => m.Contents))
    if (content is FunctionCallContent call)
        Console.WriteLine($"call    {call.Name}({string.Join(", ", call.Arguments!.Select(a => $"{a.Key}: {a.Value}"))})");
    else if (content is TextContent text)
        Console.WriteLine($"text    {text.Text}");
return 0;
