#:sdk Microsoft.NET.Sdk.Web
#:project ../src/Banyan.Runtime/Banyan.Runtime.csproj
#:package Microsoft.Extensions.AI
#:property PublishAot=false

// An API whose answers come from a model that may call a function of this program: dotnet run samples/tools-api.cs /PATH/TO/MODEL.gguf
//   curl 'localhost:5000/ask?question=How+many+trunks+has+the+tree+in+Bandung'

using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;
using Banyan.Runtime.Chat;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Microsoft.Extensions.AI;

var builder = WebApplication.CreateBuilder(args);
using var model = Model.Load(args[0]);
await using var engine = new Engine(model);
// The middleware carries the calls out and asks the model again with what they gave.
using var client = engine.AsChatClient().AsBuilder()
    .UseFunctionInvocation(configure: c => (c.MaximumIterationsPerRequest, c.IncludeDetailedErrors) = (3, true)).Build();
var app = builder.Build();

[Description("Tells how many trunks a banyan has.")]
static int Trunks([Description("The town where it stands.")] Town town) => town == Town.Bandung ? 42 : 7;

// Names of an enum, and not its numbers: what the model writes is forced to be one of them.
var json = new JsonSerializerOptions(AIJsonUtilities.DefaultOptions) { Converters = { new JsonStringEnumConverter<Town>() } };
AITool[] tools = [AIFunctionFactory.Create(Trunks, "trunks", serializerOptions: json)];
app.MapGet("/ask", async (string question, bool? call, CancellationToken cancellationToken) =>
{
    var response = await client.GetResponseAsync(question, new ChatOptions
    {
        Tools = tools,
        // A small model decides badly whether it needs a function; call=true makes it call one.
        ToolMode = call == true ? ChatToolMode.RequireAny : ChatToolMode.Auto,
        AllowMultipleToolCalls = false,
        MaxOutputTokens = 128,
        Temperature = 0,
    }, cancellationToken);
    return new
    {
        Answer = response.Text,
        Calls = response.Messages.SelectMany(m => m.Contents).OfType<FunctionResultContent>().Select(r => r.Result?.ToString()),
    };
});
app.Run();

enum Town
{
    Bandung,
    Delhi,
    Recife,
}
