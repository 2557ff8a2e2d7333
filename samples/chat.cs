#:project ../src/Banyan.Runtime/Banyan.Runtime.csproj
#:property PublishAot=false

// A conversation in the terminal, in this process: dotnet run samples/chat.cs MODEL.gguf
// With NuGet's package instead of the sources: #:package Banyan.Runtime@*

using Banyan.Runtime.Chat;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Microsoft.Extensions.AI;

if (args is not [var path])
{
    Console.Error.WriteLine("dotnet run samples/chat.cs MODEL.gguf");
    return 1;
}
using var model = Model.Load(path);
await using var engine = new Engine(model);
using var client = engine.AsChatClient();
var options = new ChatOptions { MaxOutputTokens = 256, Temperature = 0 };
var messages = new List<ChatMessage>();
while (true)
{
    Console.Write("> ");
    if (Console.ReadLine() is not { Length: > 0 } line)
        return 0;
    messages.Add(new(ChatRole.User, line));
    var updates = new List<ChatResponseUpdate>();
    await foreach (var update in client.GetStreamingResponseAsync(messages, options))
    {
        Console.Write(update.Text);
        updates.Add(update);
    }
    Console.WriteLine();
    messages.AddMessages(updates);
}
